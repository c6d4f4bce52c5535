//! The process `console`: the terminal.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use contracts::spec::console::Console;
use contracts::spec::serial::{SerialInput, SerialOutput};

rt::manifest! {
    main: main,
    provides: { console: Console },
    uses: { serial_input: SerialInput, serial_output: SerialOutput },
    priority: 9,
}

fn main(grants: Grants) -> Result<(), console::Trouble> {
    console::serve(grants.console.clients_and(), grants.serial_input, grants.serial_output, rt::log::line)
}
