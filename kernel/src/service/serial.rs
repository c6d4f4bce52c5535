//! The serial port as two services.

use contracts::spec::serial::{SerialInput, SerialOutput, serial_input, serial_output};
use contracts::{SendFirst, Service};

use super::own::Never;
use crate::arch::serial;
use crate::sched::SERIAL_INPUT;

/// Serves bytes from the terminal.
pub(super) fn serve_input(service: Service<SerialInput>) -> Never {
    let mut clients = service.clients::<()>();
    loop {
        let Ok(serial_input::ServerIdle::Read { mut buffer, next }) = clients.receive().received else {
            continue;
        };
        while !buffer.is_empty() && !serial::has_input() {
            SERIAL_INPUT.wait();
        }
        // Bytes are not for one who has ended while it waited for them: the next who asks gets them.
        let Ok(next) = next.if_open() else { continue };
        let length = serial::take(&mut buffer);
        clients.insert(next.data(buffer, length as u64), ());
    }
}

/// Serves bytes to the terminal.
pub(super) fn serve_output(service: Service<SerialOutput>) -> Never {
    let mut clients = service.clients::<()>();
    loop {
        let Ok(serial_output::ServerIdle::Write { block, length, next }) = clients.receive().received else {
            continue;
        };
        serial::write(&block[..block.len().min(length as usize)]);
        clients.insert(next.written(block), ());
    }
}
