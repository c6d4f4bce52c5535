//! What a domain's system calls do: the ABI's functions, with nothing believed.

use core::mem::{offset_of, size_of};

use contracts::Text;
use contracts::abi::Table;
use contracts::spec::system;
use log::info;

use super::gate::{Domain, Refused, fault};
use crate::arch::clock;
use crate::arch::ring3::Caller;
use crate::memory::layout::USER_END;
use crate::memory::space::{BadAddress, UserMemory};
use crate::sched;
use crate::sip::{self, Exit};
use crate::unwind::Start;

/// Bytes of a line of the log.
const MOST_LINE: usize = 512;
/// Bytes of a panic's message.
const MOST_PANIC: usize = 300;

/// What a call returns that is none, or that passes what is not the domain's. Nothing else comes of it.
const REFUSED: u64 = u64::MAX;

/// A function's place in the table is its number.
macro_rules! numbers {
    ($($name:ident $function:ident)*) => {$(
        const $name: u64 = (offset_of!(Table, $function) / size_of::<u64>()) as u64;
    )*};
}

numbers! {
    BLOCK_ALLOCATE block_allocate
    BLOCK_FREE block_free
    CHANNEL_CREATE channel_create
    END_CLOSE end_close
    SET_CREATE set_create
    SET_CLOSE set_close
    THREAD_BLOCK thread_block
    THREAD_YIELD thread_yield
    THREAD_SPAWN thread_spawn
    THREAD_EXIT thread_exit
    THREAD_BLOCK_UNTIL thread_block_until
    MEMORY_GROW memory_grow
    PORT_CONNECT port_connect
    CLOCK clock
    LOG log
    EXIT exit
    PANIC panic
    VIOLATION violation
    GATE_SEND gate_send
    GATE_JOIN gate_join
}

/// Its number; it has a way of its own, [`wait`].
pub(crate) const GATE_WAIT: u64 = (offset_of!(Table, gate_wait) / size_of::<u64>()) as u64;

/// Serves a system call of the running thread: the function of this number with these arguments.
pub(crate) extern "C" fn call(first: u64, second: u64, number: u64, caller: &Caller) -> u64 {
    let domain = sched::current().domain().expect("only domains have system calls");
    let place = || Start::InFrame { address: domain.memory.word(caller.rsp).unwrap_or(0), frame: caller.rbp };
    let served = domain.flush().and_then(|()| serve(domain, number, first, second, place));
    sched::end_call();
    result(served)
}

/// As [`call`], of the function that each message takes, `gate_wait`.
pub(crate) extern "C" fn wait(handle: u64, deadline: u64) -> u64 {
    // SAFETY: only domains' threads have system calls.
    let domain = unsafe { sched::current().domain().unwrap_unchecked() };
    let waited = domain.wait(handle, deadline);
    sched::end_call();
    match waited {
        Ok(()) => 0,
        refused => result(refused.map(|()| 0)),
    }
}

#[cold]
fn result(served: Result<u64, Refused>) -> u64 {
    match served {
        Ok(result) => result,
        // Where an address is expected there is none.
        Err(Refused::Exhausted) => 0,
        Err(Refused::Address | Refused::Handle) => REFUSED,
        Err(Refused::Fault(what)) => fault(what),
    }
}

fn serve(
    domain: &Domain,
    number: u64,
    first: u64,
    second: u64,
    place: impl Fn() -> Start,
) -> Result<u64, Refused> {
    let memory = domain.memory;
    let done = |()| 0;
    Ok(match number {
        BLOCK_ALLOCATE => domain.allocate(first, second)?,
        BLOCK_FREE => domain.free(first).map(done)?,
        CHANNEL_CREATE => domain.create_channel(first)?,
        END_CLOSE => domain.close(first).map(done)?,
        SET_CREATE => domain.create_set()?,
        SET_CLOSE => domain.close_set(first).map(done)?,
        PORT_CONNECT => domain.connect(first)?,
        GATE_SEND => domain.send(first).map(done)?,
        GATE_JOIN => domain.join(first, second).map(done)?,
        // It is not believed about others.
        VIOLATION => 0,
        // A domain waits by the gate.
        THREAD_BLOCK | THREAD_YIELD => {
            sched::yield_now();
            0
        }
        // Ring 3 is not entered at an address that is none: that would fault in ring 0.
        THREAD_SPAWN if first >= USER_END => return Err(Refused::Exhausted),
        THREAD_SPAWN => u64::from(sip::spawn_thread(first, second as usize).is_ok()),
        THREAD_EXIT => sip::exit_thread(),
        THREAD_BLOCK_UNTIL => {
            sched::block_until(first, None);
            0
        }
        MEMORY_GROW => sip::grow_heap(first as usize).map_or(0, |start| start.as_u64()),
        CLOCK => clock::now_ns(),
        LOG => {
            let mut line = [0; MOST_LINE];
            let line = text(memory, (first, second), &mut line)?;
            let account = sched::current().account();
            account.count_line();
            info!("{}: {line}", sip::owner_name(account.owner()));
            0
        }
        EXIT => {
            let kind = if first as u32 == 0 { system::Exit::Success } else { system::Exit::Failure };
            sip::end_current(Exit::plain(kind))
        }
        PANIC => {
            let mut message = [0; MOST_PANIC];
            // It ends in any case; what it says where it cannot read is nothing.
            let message = text(memory, (first, second), &mut message).unwrap_or("");
            let message = Text::<MOST_PANIC>::truncated(message);
            sip::end_current(Exit { place: Some(place()), ..sip::panicked(&message) })
        }
        _ => REFUSED,
    })
}

/// The text that lies at an address with a length, cut off where `buffer` ends.
fn text(memory: UserMemory, (address, length): (u64, u64), buffer: &mut [u8]) -> Result<&str, BadAddress> {
    let length = usize::try_from(length).map_or(buffer.len(), |length| length.min(buffer.len()));
    let bytes = &mut buffer[..length];
    memory.read(address, bytes)?;
    Ok(match core::str::from_utf8(bytes) {
        Ok(text) => text,
        // A character was cut in two, or it is no text.
        Err(error) => core::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or(""),
    })
}
