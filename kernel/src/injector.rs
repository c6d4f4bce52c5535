//! Strikes a SIP at an instruction, for the campaign of the tests.
//!
//! The SIP's thread goes on one instruction at a time while it is in its own code. When it calls the kernel, or hands the
//! core to another thread, the flag that makes it stop is taken away, and a stop is set where it will go on. So all that is
//! counted is the SIP's own, and everybody else runs as ever.

use core::ptr;
use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64};

use contracts::spec::injector::Blow;
use contracts::spec::system::Exit;
use x86_64::VirtAddr;

use crate::arch::stepping;
use crate::arch::trap::{Preemption, TrapFrame};
use crate::memory::layout::is_sip_code;
use crate::sched::{self, Event, Thread};
use crate::sip;

/// The SIP that is counted; 0 is none.
static SIP: AtomicU32 = AtomicU32::new(0);
/// Its thread, which is good while the SIP runs.
static THREAD: AtomicPtr<Thread> = AtomicPtr::new(ptr::null_mut());
/// Whether it stopped in its own code the last time.
static WAS_IN_SIP: AtomicBool = AtomicBool::new(false);
/// Instructions to the next blow.
static LEFT: AtomicU64 = AtomicU64::new(0);
/// Instructions from one blow to the next; 0 if there is one only.
static EVERY: AtomicU64 = AtomicU64::new(0);
/// Whether points are counted at which the kernel lets others run, and not instructions.
static AT_POINTS: AtomicBool = AtomicBool::new(false);
/// The counted SIP's thread is at its last point.
static AT_LAST: Event = Event::new();
/// Instructions or points so far.
static INSTRUCTIONS: AtomicU64 = AtomicU64::new(0);
static BLOWS: AtomicU64 = AtomicU64::new(0);

/// Counts the instructions of SIP `id`, whose thread is at rest, and strikes after so many.
pub(crate) fn strike(id: u32, after: u64, blow: Blow) -> Result<(), sip::NoSuchSip> {
    stepping::stop_nowhere();
    SIP.store(0, Relaxed);
    sip::with_thread(id, |thread| {
        THREAD.store(ptr::from_ref(thread).cast_mut(), Relaxed);
        WAS_IN_SIP.store(false, Relaxed);
        LEFT.store(after, Relaxed);
        INSTRUCTIONS.store(0, Relaxed);
        BLOWS.store(0, Relaxed);
        EVERY.store(if blow == Blow::Preempt { after.max(1) } else { 0 }, Relaxed);
        AT_POINTS.store(blow == Blow::KillInKernel, Relaxed);
        SIP.store(id, Relaxed);
        if blow == Blow::KillInKernel {
            return;
        }
        match sched::preempted_at_rest(thread) {
            // SAFETY: the thread is at rest, and goes on with these registers.
            Some(context) => stepping::step(unsafe { (*context).frame_mut() }),
            None => stop_where_it_goes_on(thread),
        }
    })
}

/// Instructions and blows since the last [`strike`].
pub(crate) fn count() -> (u64, u64) {
    (INSTRUCTIONS.load(Relaxed), BLOWS.load(Relaxed))
}

fn stop_where_it_goes_on(thread: &Thread) {
    stepping::stop_at(VirtAddr::new(thread.shared().resume.load(Relaxed) as u64));
}

/// A context has stopped. Runs on an interrupt stack.
pub(crate) fn stopped(frame: &mut TrapFrame) -> Option<Preemption> {
    let current = sched::current();
    let was_in_sip = WAS_IN_SIP.swap(false, Relaxed);
    let counted = SIP.load(Relaxed);
    if counted == 0 || AT_POINTS.load(Relaxed) || BLOWS.load(Relaxed) > 0 && EVERY.load(Relaxed) == 0 {
        stepping::stop_nowhere();
        stepping::go_on(frame);
        return None;
    }
    if current.shared().sip.load(Relaxed) != counted {
        let stepped = frame.rflags & stepping::STEPPED != 0;
        stepping::go_on(frame);
        if stepped {
            // SAFETY: whoever runs with the flag got it from the counted thread, which gives the core away and is there.
            let thread = unsafe { &*THREAD.load(Relaxed) };
            if is_on_stack_of(thread, frame.rsp) {
                // Within its hand-off: where it goes on is not written yet.
                stepping::step(frame);
            } else {
                stop_where_it_goes_on(thread);
            }
        }
        return None;
    }
    stepping::stop_nowhere();
    if !is_sip_code(frame.rip) {
        if was_in_sip {
            // It has just called the kernel: on its stack lies where it will go on.
            // SAFETY: the call pushed it.
            let back = unsafe { *(frame.rsp as *const u64) };
            stepping::stop_at(VirtAddr::new_truncate(back));
            stepping::go_on(frame);
        } else {
            stepping::step(frame);
        }
        return None;
    }
    WAS_IN_SIP.store(true, Relaxed);
    stepping::step(frame);
    if !sched::can_make_room(frame) {
        return None;
    }
    if LEFT.load(Relaxed) > 0 {
        LEFT.store(LEFT.load(Relaxed) - 1, Relaxed);
        INSTRUCTIONS.store(INSTRUCTIONS.load(Relaxed) + 1, Relaxed);
        return None;
    }
    BLOWS.store(BLOWS.load(Relaxed) + 1, Relaxed);
    INSTRUCTIONS.store(INSTRUCTIONS.load(Relaxed) + 1, Relaxed);
    match EVERY.load(Relaxed) {
        0 => sched::make_room(struck),
        every => {
            LEFT.store(every - 1, Relaxed);
            sched::make_room(sched::share_out)
        }
    }
}

fn is_on_stack_of(thread: &Thread, address: u64) -> bool {
    thread.stack().is_some_and(|stack| (stack.limit().as_u64()..=stack.top().as_u64()).contains(&address))
}

/// Ends the SIP whose thread was just preempted. Runs on the preemption stack.
extern "C" fn struck(_: usize) -> ! {
    sched::share_out_with(|| {
        // One that has ended meanwhile has ended.
        let _ = sip::end(SIP.load(Relaxed), sip::Exit::plain(Exit::Killed));
    })
}

/// The running thread comes to a point at which the kernel lets others run.
pub(crate) fn passes_point() {
    let is_counted =
        AT_POINTS.load(Relaxed) && sched::current().shared().sip.load(Relaxed) == SIP.load(Relaxed);
    if !is_counted || BLOWS.load(Relaxed) > 0 {
        return;
    }
    INSTRUCTIONS.store(INSTRUCTIONS.load(Relaxed) + 1, Relaxed);
    if LEFT.load(Relaxed) > 0 {
        LEFT.store(LEFT.load(Relaxed) - 1, Relaxed);
        return;
    }
    BLOWS.store(1, Relaxed);
    AT_LAST.signal();
    // Whoever waits for that outranks all SIPs.
    sched::yield_now();
}

/// Waits until the counted SIP is at its last point, and ends it there. For a thread of the kernel's own.
pub(crate) fn strike_at_point() {
    AT_LAST.wait();
    // One that has ended meanwhile has ended.
    let _ = sip::end(SIP.load(Relaxed), sip::Exit::plain(Exit::Killed));
}
