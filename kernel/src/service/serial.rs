//! The serial port as two services.

use contracts::spec::serial::{SerialInput, SerialOutput, serial_input, serial_output};
use contracts::{ExBox, Service};

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
        let length = read(&mut buffer);
        clients.insert(next.data(buffer, length as u64), ());
    }
}

/// Waits for at least one byte.
fn read(buffer: &mut ExBox<[u8]>) -> usize {
    loop {
        match serial::take(buffer) {
            0 if !buffer.is_empty() => SERIAL_INPUT.wait(),
            length => return length,
        }
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
