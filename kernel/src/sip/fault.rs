//! Exceptions in SIP code end the SIP, not the system.
//!
//! The hook runs on an interrupt stack. It notes what happened and abandons the faulting context; the core goes on
//! on a stack kept for this, where the SIP is ended like any other. The note and the stack are in use only until the
//! thread has left, with no switch in between.

use core::fmt::{self, Write};
use core::sync::atomic::AtomicUsize;
use core::sync::atomic::Ordering::Relaxed;

use conquer_once::spin::OnceCell;
use contracts::Text;
use contracts::spec::system;
use spin::Mutex;

use super::life::{self, Exit, end_current, try_name_at};
use crate::arch::interrupts;
use crate::arch::panic::set_describe_hook;
use crate::arch::trap::{Exception, TrapFrame, Verdict, set_exception_hook};
use crate::memory::layout::{SIP_WINDOW_BYTES, is_sip_code};
use crate::memory::stacks::{Stack, StackError};
use crate::sched;

const LAST_STACK_PAGES: usize = 8;

static LAST_STACK: OnceCell<Stack> = OnceCell::uninit();
/// Top of [`LAST_STACK`], where assembly finds it.
pub(super) static LAST_STACK_TOP: AtomicUsize = AtomicUsize::new(0);

/// What the hook noted: the kind of exception, the address it is about, and the registers.
struct Note {
    name: &'static str,
    address: Option<u64>,
    frame: TrapFrame,
}

static NOTE: Mutex<Option<Note>> = Mutex::new(None);

/// Makes exceptions in SIPs end the SIP. Called once, before the first SIP starts.
pub fn install() -> Result<(), StackError> {
    let stack = Stack::allocate(LAST_STACK_PAGES)?;
    LAST_STACK_TOP.store(stack.top().as_u64() as usize, Relaxed);
    LAST_STACK.init_once(|| stack);
    set_exception_hook(judge);
    set_describe_hook(describe);
    sched::set_overrun_hook(life::overran);
    Ok(())
}

fn judge(exception: &Exception<'_>) -> Verdict {
    // Non-maskable interrupts and machine checks are nobody's doing; neither is a fault in the kernel's code.
    let is_machine = matches!(exception.vector, 2 | 18);
    if is_machine || !is_sip_code(exception.frame.rip) && !jumped_astray(exception) {
        return Verdict::KernelFault;
    }
    let note = Note { name: exception.name(), address: exception.address, frame: exception.frame.clone() };
    match (NOTE.try_lock(), LAST_STACK.try_get()) {
        (Some(mut slot), Ok(stack)) => {
            *slot = Some(note);
            Verdict::Abandon { entry: faulted, argument: 0, stack_top: stack.top() }
        }
        _ => Verdict::KernelFault,
    }
}

/// A SIP's thread called an address where there is no code: the fault is at the address itself.
fn jumped_astray(exception: &Exception<'_>) -> bool {
    exception.address == Some(exception.frame.rip) && is_sip_code(exception.frame.rsp)
}

extern "C" fn faulted(_: usize) -> ! {
    interrupts::enable();
    let note = NOTE.lock().take();
    let mut exit = Exit::plain(system::Exit::Fault);
    match note {
        Some(note) => {
            // What does not fit is cut off.
            let _ = describe_note(&note, &mut exit.message);
            exit.registers = Some(note.frame);
        }
        None => exit.message = Text::truncated("an exception"),
    }
    end_current(exit)
}

fn describe_note(note: &Note, out: &mut dyn Write) -> fmt::Result {
    let limit = sched::current().shared().stack_limit.load(Relaxed) as u64;
    // Between its window's start and its stack a SIP has nothing.
    let below_stack = |address: u64| (limit & !(SIP_WINDOW_BYTES - 1)..limit).contains(&address);
    match note.address {
        Some(address) if below_stack(address) => write!(out, "stack overflow")?,
        Some(address) => write!(out, "{} on address {address:#x}", note.name)?,
        None => write!(out, "{}", note.name)?,
    }
    let rip = note.frame.rip;
    match try_name_at(rip) {
        Some((_, name, offset)) => write!(out, " at {name}+{offset:#x}"),
        None => write!(out, " at {rip:#x}"),
    }
}

/// Ends the running SIP because it entered the kernel with too little stack left.
pub(super) extern "C" fn overflowed() -> ! {
    let place = format_args!("stack overflow on the way into the kernel");
    end_current(Exit::saying(system::Exit::Fault, place))
}

/// For the kernel's own last words: what lies at an address outside of its image.
fn describe(address: u64, out: &mut dyn Write) -> fmt::Result {
    match life::try_name_at(address) {
        Some((id, name, offset)) => write!(out, "sip {id} ({name}) + {offset:#x}"),
        None => Ok(()),
    }
}
