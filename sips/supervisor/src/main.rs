//! The process `supervisor`: starts the others, and starts again those that fail.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::format;
use core::fmt;
use core::time::Duration;

use contracts::sabotage::plant_by;
use contracts::spec::serial::SerialOutput;
use contracts::spec::serial::serial_output::{Client, ClientWriting, Idle};
use contracts::spec::supervisor::Supervisor;
use contracts::spec::system::System;
use contracts::time::sleep_until;
use contracts::{Closed, ExBox, Instant};
use rt::reconnect::Reconnecting;
use supervisor::Kernel;
use supervisor::roster::Roster;
use supervisor::serve::{self, Reader};

rt::manifest! {
    main: main,
    provides: { supervisor: Supervisor },
    uses: { system: System, serial_output: SerialOutput },
    priority: 10,
}

/// How long the kernel may take to end the system.
const LAST_BREATH: Duration = Duration::from_secs(10);

fn main(grants: Grants) -> Result<(), supervisor::NoWiring> {
    // In the campaign of the tests alone.
    plant_by(grants.argument);
    let mut kernel = Kernel::new(Reconnecting::over(grants.ports.system, grants.system));
    let wiring = kernel.wiring()?;
    let roster = Roster::new(&wiring.supervised, Instant::now());
    let mut screen = Some(grants.serial_output);
    let mut say = |reader, line: fmt::Arguments<'_>| {
        rt::log::line(line);
        if reader == Reader::Terminal {
            screen = screen.take().and_then(|screen| print(screen, line));
        }
    };
    serve::Supervisor::new(grants.supervisor.clients_and(), kernel, roster, &mut say).run();
    // This process must not end before the system does.
    sleep_until(Instant::now() + LAST_BREATH);
    Ok(())
}

/// Prints a line on the terminal, whoever else does.
fn print(screen: Client<Idle>, line: fmt::Arguments<'_>) -> Option<Client<Idle>> {
    let text = format!("\r\nentente: {line}\r\n");
    // Without memory for a block it is in the log alone.
    let Ok(block) = ExBox::from_fn(text.len(), |index| text.as_bytes()[index]) else { return Some(screen) };
    match screen.write(block, text.len() as u64).receive() {
        Ok(ClientWriting::Written { next, .. }) => Some(next),
        Err(Closed) => None,
    }
}
