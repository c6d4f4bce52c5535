//! The process `hello`: prints a line. `run hello` starts it.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use contracts::Exhausted;
use contracts::spec::console::Console;
use rt::terminal::Terminal;

rt::manifest! {
    main: main,
    uses: { console: Console },
}

fn main(grants: Grants) -> Result<(), Exhausted> {
    let mut terminal = Terminal::new(grants.console)?;
    hello::greet(grants.argument, &mut terminal);
    Ok(())
}
