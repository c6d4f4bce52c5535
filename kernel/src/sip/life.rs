//! The running SIPs: start, end and reclamation.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};

use contracts::Text;
use contracts::abi::{Owner, OwnerKind};
use contracts::spec::system::{self, ending};
use log::info;
use spin::Mutex;
use x86_64::VirtAddr;

use super::load::{self, Loaded, StartError};
use crate::arch::serial;
use crate::memory::PAGE_SIZE;
use crate::sched::{self, Event};
use crate::{channel, exchange, service};

/// How a SIP ended, and what there is to say about it.
#[derive(Clone, Debug)]
pub struct Exit {
    /// How.
    pub kind: system::Exit,
    /// The panic's message, or the fault and where it was; empty otherwise.
    pub message: String,
}

struct Sip {
    loaded: Loaded,
    heap_pages: usize,
    /// Whom to tell when it has ended.
    watcher: Option<ending::Client<ending::Running>>,
    /// Set when it has ended, until it is reaped.
    exit: Option<Exit>,
}

struct Sips {
    by_id: BTreeMap<u32, Box<Sip>>,
    next: u32,
}

static SIPS: Mutex<Sips> = Mutex::new(Sips { by_id: BTreeMap::new(), next: 1 });
static ENDED: Event = Event::new();

/// Starts an image as a new SIP; returns its number. `argument` is what the SIP gets as its argument.
pub fn start(file: &[u8], argument: &str) -> Result<u32, StartError> {
    let id = {
        let mut sips = SIPS.lock();
        sips.next += 1;
        sips.next - 1
    };
    let loaded = load::load(id, file, argument)?;
    info!("sip {id} ({}) starts at {:#x}", loaded.manifest().name, loaded.window.base());
    let sip = Sip { loaded, heap_pages: 0, watcher: None, exit: None };
    SIPS.lock().by_id.insert(id, Box::new(sip));
    Ok(id)
}

/// Has `watcher` told when SIP `id` has ended. If there is no such SIP the channel is closed.
pub fn watch(id: u32, watcher: ending::Client<ending::Running>) {
    if let Some(sip) = SIPS.lock().by_id.get_mut(&id) {
        sip.watcher = Some(watcher);
    }
}

/// The running SIP's number.
fn current_id() -> u32 {
    sched::current().shared().sip.load(core::sync::atomic::Ordering::Relaxed)
}

/// Gives the running SIP `pages` more of heap.
pub fn grow_heap(pages: usize) -> Option<VirtAddr> {
    let id = current_id();
    let mut sips = SIPS.lock();
    let sip = sips.by_id.get_mut(&id)?;
    let limit = sip.loaded.manifest().memory as usize / PAGE_SIZE;
    if sip.loaded.pages.checked_add(pages)? > limit {
        return None;
    }
    let start = sip.loaded.window.grow_heap(sip.heap_pages, pages)?;
    sip.heap_pages += pages;
    sip.loaded.pages += pages;
    Some(start)
}

/// Ends the running SIP. What it has is given back by [`reap_forever`], after its thread has left.
pub fn end_current(exit: Exit) -> ! {
    let id = current_id();
    match SIPS.lock().by_id.get_mut(&id) {
        Some(sip) => sip.exit = Some(exit),
        None => panic!("a kernel thread ended: {}", exit.message),
    }
    ENDED.signal();
    sched::leave()
}

/// Gives back what ended SIPs had, for good. `vital` names a SIP without which the system is of no use.
pub fn reap_forever(vital: Option<&str>) -> ! {
    loop {
        let ended = {
            let mut sips = SIPS.lock();
            let id = sips.by_id.iter().find(|(_, sip)| sip.exit.is_some()).map(|(id, _)| *id);
            id.and_then(|id| sips.by_id.remove(&id).map(|sip| (id, sip)))
        };
        match ended {
            Some((id, sip)) => reap(id, *sip, vital),
            None => ENDED.wait(),
        }
    }
}

fn reap(id: u32, sip: Sip, vital: Option<&str>) {
    let account = sip.loaded.account;
    let name = sip.loaded.manifest().name.clone();
    let exit = sip.exit.unwrap_or(Exit { kind: system::Exit::Failure, message: String::new() });
    // No client can be connected any more, then nobody waits for it, then nothing of it is left.
    service::withdraw(id);
    channel::reclaim(account, || {});
    let blocks = exchange::reclaim(account, || {});
    drop(sip.loaded);
    account.close();
    let how = match exit.kind {
        system::Exit::Success => "ended".to_string(),
        system::Exit::Failure => "ended with a failure".to_string(),
        system::Exit::Panic => format!("panicked: {}", exit.message),
        system::Exit::Fault => format!("faulted: {}", exit.message),
    };
    info!("sip {id} ({name}) {how}; {blocks} blocks reclaimed");
    let expected = matches!(exit.kind, system::Exit::Success | system::Exit::Failure);
    // A second SIP of that name, which somebody started, may come and go.
    let vital =
        vital == Some(&name) && SIPS.lock().by_id.values().all(|sip| sip.loaded.manifest().name != name);
    match sip.watcher {
        Some(watcher) => watcher.ended(exit.kind, Text::truncated(&exit.message)),
        None if expected && !vital => {}
        // Nobody else would tell the one at the terminal.
        None => serial::write(format!("\r\nentente: {name} {how}\r\n").as_bytes()),
    }
    if vital {
        // The last thing it sent may be why it ended: a shutdown, with what the one who started the system is told.
        sched::yield_now();
        crate::arch::power::exit(crate::arch::power::Exit::Failure);
    }
}

/// What [`survey`] tells of a SIP.
pub struct SipView<'a> {
    /// Its number.
    pub id: u32,
    /// Its name.
    pub name: &'a str,
    /// Priority of its threads.
    pub priority: u8,
    /// Whether its thread runs or could run.
    pub state: system::ProcessState,
    /// Bytes of private memory.
    pub memory: usize,
    /// Where its image lies.
    pub base: VirtAddr,
}

/// Shows every SIP, oldest first.
pub fn survey(mut each: impl FnMut(SipView<'_>)) {
    for (id, sip) in &SIPS.lock().by_id {
        each(SipView {
            id: *id,
            name: &sip.loaded.manifest().name,
            priority: sip.loaded.manifest().priority,
            state: match sched::is_ready(&sip.loaded.thread) {
                true => system::ProcessState::Ready,
                false => system::ProcessState::Waiting,
            },
            memory: sip.loaded.pages * PAGE_SIZE,
            base: sip.loaded.window.base(),
        });
    }
}

/// An owner in words.
pub fn owner_name(owner: Owner) -> String {
    match owner.kind() {
        OwnerKind::Nobody => "-".to_string(),
        OwnerKind::Kernel => "kernel".to_string(),
        OwnerKind::Sip(id) => match SIPS.lock().by_id.get(&id) {
            Some(sip) => format!("{} ({id})", sip.loaded.manifest().name),
            None => format!("({id})"),
        },
        OwnerKind::InFlight { channel, to } => {
            let side = match to {
                contracts::Side::Client => "client",
                contracts::Side::Server => "server",
            };
            format!("channel {channel}, to the {side}")
        }
    }
}

/// The SIP whose window `address` lies in, if that can be told without waiting: for a dying kernel.
pub(super) fn try_name_at(address: u64) -> Option<(u32, String, u64)> {
    let sips = SIPS.try_lock()?;
    sips.by_id.iter().find_map(|(id, sip)| {
        let base = sip.loaded.window.base().as_u64();
        let window = base & !(crate::memory::layout::SIP_WINDOW_BYTES - 1);
        (address & !(crate::memory::layout::SIP_WINDOW_BYTES - 1) == window)
            .then(|| (*id, sip.loaded.manifest().name.clone(), address.wrapping_sub(base)))
    })
}
