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

use super::life::{self, Exit, end_current};
use crate::arch::interrupts;
use crate::arch::panic::set_describe_hook;
use crate::arch::trap::{Exception, TrapFrame, Verdict, set_exception_hook};
use crate::memory::PAGE_SIZE;
use crate::memory::layout::{SIP_IMAGE_OFFSET, SIP_WINDOW_BYTES, USER_END, is_sip_code};
use crate::memory::stacks::{Stack, StackError};
use crate::sched;
use crate::unwind::Start;

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
    sched::set_end_hook(life::end_for);
    Ok(())
}

fn judge(exception: &Exception<'_>) -> Verdict {
    // Non-maskable interrupts and machine checks are nobody's doing; neither is a fault in the kernel's code.
    let is_machine = matches!(exception.vector, 2 | 18);
    let is_sips_own =
        exception.frame.is_user() || is_sip_code(exception.frame.rip) || jumped_astray(exception);
    if is_machine || !is_sips_own {
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
            exit.place = Some(Start::Interrupted((&note.frame).into()));
            exit.registers = Some(note.frame);
            exit.address = note.address;
        }
        None => exit.message = Text::truncated("an exception"),
    }
    end_current(exit)
}

fn describe_note(note: &Note, out: &mut dyn Write) -> fmt::Result {
    let limit = sched::current().shared().stack_limit.load(Relaxed) as u64;
    let window = limit & !(SIP_WINDOW_BYTES - 1);
    // Between its window's start and its first stack a SIP has nothing; below any other one there is a page of nothing.
    let is_first = limit - window < SIP_IMAGE_OFFSET;
    let nothing = if is_first { window..limit } else { limit - PAGE_SIZE as u64..limit };
    let below_stack = |address: u64| nothing.contains(&address);
    match note.address {
        Some(address) if below_stack(address) => write!(out, "stack overflow")?,
        Some(address) => write!(out, "{} on address {address:#x}", note.name)?,
        None => write!(out, "{}", note.name)?,
    }
    let rip = note.frame.rip;
    write!(out, " at ")?;
    // What lies in the kernel's space is nothing of a domain's.
    let is_its_own = rip < USER_END || !note.frame.is_user();
    if !is_its_own || !life::try_describe(rip, out)? {
        write!(out, "{rip:#x}")?;
    }
    Ok(())
}

/// Ends the running SIP because it entered the kernel with too little stack left: by a call that would have gone on at
/// `address`, in a function with this frame.
pub(super) extern "C" fn overflowed(address: u64, frame: u64) -> ! {
    let message = format_args!("stack overflow on the way into the kernel");
    let exit = Exit::saying(system::Exit::Fault, message);
    end_current(Exit { place: Some(Start::InFrame { address, frame }), ..exit })
}

/// For the kernel's own last words: what lies at an address outside of its image.
fn describe(address: u64, out: &mut dyn Write) -> fmt::Result {
    life::try_describe(address, out).map(drop)
}
