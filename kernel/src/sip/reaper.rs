//! Giving back what SIPs had that have ended.
//!
//! ```text
//!        1 lay_out                2 bury
//! ended -----------> (its remains) -------> (gone)
//! ```
//!
//! Others wait for what a SIP has in common with them: its services, its endpoints. These go first, in the order of the
//! deaths, before whoever may wait for that does anything else (1). What it had for itself may take long to give back. That is done as if the SIP did it, or
//! whoever waits for its end, the most urgent first (2). A death that finds the reaper at (2) has it do (1) at once, and then
//! go on with whatever is most urgent.

use core::cmp::Reverse;
use core::fmt::Write;
use core::ops::ControlFlow;
use core::sync::atomic::Ordering::Relaxed;

use alloc::boxed::Box;

use conquer_once::spin::OnceCell;
use contracts::abi::{Owner, OwnerKind};
use contracts::sabotage::{Bug, planted};
use contracts::spec::system;
use contracts::{Endpoint, Text};
use log::info;

use super::faults;
use super::life::{SIPS, Sip, Sips};
use crate::account::Account;
use crate::arch::{power, serial};
use crate::sched::{self, Event, KERNEL_PRIORITY, Thread};
use crate::{channel, exchange, service};

static ENDED: Event = Event::new();
static REAPER: OnceCell<&Thread> = OnceCell::uninit();

/// Endpoints that are closed at once, above all SIPs.
const STEPS_AT_ONCE: usize = 64;

/// A SIP that has ended, and has no service and no endpoint any more. Of two the greater comes first.
pub(super) struct Remains {
    /// The greatest priority of the SIP and of who waits for its end.
    urgency: u32,
    id: u32,
    sip: Box<Sip>,
    /// The number of the record of its fault; 0 if there is none.
    fault: u32,
    /// Blocks that were given back so far.
    blocks: usize,
}

impl Remains {
    fn rank(&self) -> (u32, Reverse<u32>) {
        (self.urgency, Reverse(self.id))
    }
}

impl Ord for Remains {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl PartialOrd for Remains {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Remains {
    fn eq(&self, other: &Self) -> bool {
        self.rank() == other.rank()
    }
}

impl Eq for Remains {}

/// Has the reaper see to a SIP that was listed among those that have ended.
pub(super) fn call() {
    if let Ok(reaper) = REAPER.try_get() {
        sched::raise(reaper, KERNEL_PRIORITY);
    }
    ENDED.signal();
}

/// Gives back what ended SIPs had, for good. `vital` names a SIP without which the system is of no use.
pub fn reap_forever(vital: Option<&str>) -> ! {
    REAPER.init_once(sched::current);
    loop {
        lay_out_all();
        let next = SIPS.lock().remains.pop();
        let Some(mut remains) = next else {
            ENDED.wait();
            continue;
        };
        sched::set_priority(sched::current(), remains.urgency);
        match remains.give_back() {
            ControlFlow::Continue(()) => remains.bury(vital),
            ControlFlow::Break(()) => SIPS.lock().remains.push(remains),
        }
        sched::raise(sched::current(), KERNEL_PRIORITY);
    }
}

/// Where the work on remains of this urgency may be interrupted. It breaks off if others are more urgent.
fn pause(urgency: u32) -> ControlFlow<()> {
    sched::relax();
    let reaper = sched::current();
    // Unless somebody has called.
    if reaper.shared().priority.load(Relaxed) != KERNEL_PRIORITY {
        return ControlFlow::Continue(());
    }
    lay_out_all();
    if SIPS.lock().remains.peek().is_some_and(|others| others.urgency > urgency) {
        return ControlFlow::Break(());
    }
    sched::set_priority(reaper, urgency);
    ControlFlow::Continue(())
}

/// Takes all that have ended away from others, and frees the threads that have left.
fn lay_out_all() {
    loop {
        let mut sips = SIPS.lock();
        let Some(id) = sips.ended.pop_front() else { return };
        if let Some(sip) = sips.by_id.get_mut(&id).filter(|sip| sip.exit.is_none()) {
            sip.is_untidy = false;
            sip.loaded.drop_left_threads();
            continue;
        }
        let Some(sip) = sips.by_id.remove(&id) else { continue };
        drop(sips);
        let remains = lay_out(id, sip);
        SIPS.lock().remains.push(remains);
    }
}

/// Sees to it that no client can be connected any more, then that nobody waits for it. When there is much to close, that is
/// done as if it was done by who may wait for it.
fn lay_out(id: u32, sip: Box<Sip>) -> Remains {
    let account = sip.loaded.account;
    let record = || match &sip.exit {
        Some(exit) if exit.kind != system::Exit::Success => faults::record(id, &sip.loaded, exit),
        _ => 0,
    };
    let mut fault = if planted(Bug::EmptyRecord) { 0 } else { record() };
    service::withdraw(id);
    let urgency = urgency(&sip);
    let mut steps = 0;
    channel::reclaim(account, || {
        steps += 1;
        if steps == STEPS_AT_ONCE {
            sched::set_priority(sched::current(), urgency.max(peers_priority(account)));
        }
        sched::relax();
    });
    sched::raise(sched::current(), KERNEL_PRIORITY);
    if planted(Bug::EmptyRecord) {
        fault = record();
    }
    // Nobody finds a thread of its named any more; but whoever did before has made it ready.
    if !planted(Bug::WokenDead) {
        sip.loaded.threads.iter().for_each(|running| sched::retire(&running.thread));
    }
    Remains { urgency, id, sip, fault, blocks: 0 }
}

/// The greatest priority of a SIP and of who waits for its end.
fn urgency(sip: &Sip) -> u32 {
    let watcher = sip.watcher.as_ref().map(Endpoint::as_raw).filter(|watcher| !watcher.peer_closed());
    let waits = watcher.map_or(0, |watcher| priority_of(&SIPS.lock(), watcher.peer_owner()));
    u32::from(sip.loaded.manifest().priority).max(waits)
}

/// The greatest priority of those that have the other ends of an account's channels.
fn peers_priority(account: &Account) -> u32 {
    let (mut most, mut last) = (0, Owner::NOBODY);
    channel::for_peers(account, |owner| {
        // Most are of few.
        if core::mem::replace(&mut last, owner) != owner {
            most = most.max(priority_of(&SIPS.lock(), owner));
        }
    });
    most
}

/// The priority of the threads of a SIP that runs, or of whoever will receive what is in flight; 0 for anybody else.
fn priority_of(sips: &Sips, owner: Owner) -> u32 {
    match owner.kind() {
        OwnerKind::InFlight { .. } => KERNEL_PRIORITY,
        OwnerKind::Sip(id) => sips.by_id.get(&id).map_or(0, |sip| u32::from(sip.loaded.manifest().priority)),
        _ => 0,
    }
}

impl Remains {
    /// Gives back what may take long, until all is done or others are more urgent.
    fn give_back(&mut self) -> ControlFlow<()> {
        let loaded = &mut self.sip.loaded;
        loaded.close_gate();
        exchange::reclaim(loaded.account, &mut self.blocks, || pause(self.urgency))?;
        loaded.window.unmap(|| pause(self.urgency))
    }

    /// Gives back the rest, and tells who waits for that.
    fn bury(self, vital: Option<&str>) {
        let Remains { id, mut sip, fault, blocks, .. } = self;
        let name = sip.loaded.manifest().name.as_str();
        let exit = sip.exit.as_ref().expect("it has ended");
        info!("sip {id} ({name}) {}; {blocks} blocks reclaimed", exit.in_words());
        let expected = matches!(exit.kind, system::Exit::Success | system::Exit::Failure);
        // A second SIP of that name, which somebody started, may come and go.
        let is_other = |other: &str| other != name;
        let is_vital = vital == Some(name)
            && SIPS.lock().by_id.values().all(|sip| is_other(&sip.loaded.manifest().name));
        if sip.watcher.is_none() && (is_vital || !expected) {
            // Nobody else would tell the one at the terminal.
            let mut line = Text::<400>::EMPTY;
            // What does not fit is cut off.
            let _ = write!(line, "\r\nentente: {name} {}\r\n", exit.in_words());
            serial::write(line.as_bytes());
        }
        let news = sip.watcher.take().map(|watcher| (watcher, exit.kind, exit.message));
        let account = sip.loaded.account;
        drop(sip);
        account.close();
        match news {
            Some(_) if planted(Bug::UntoldEnd) => {}
            Some((watcher, kind, message)) => watcher.ended(kind, message, fault),
            None => {}
        }
        if is_vital {
            // The last thing it sent may be why it ended: a shutdown, with what the one who started the system is told.
            sched::yield_now();
            power::exit(power::Exit::Failure);
        }
    }
}
