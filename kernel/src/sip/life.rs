//! The running SIPs: start and end.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BinaryHeap, VecDeque};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt::{self, Write};
use core::ptr;
use core::sync::atomic::Ordering::Relaxed;

use contracts::abi::{End, Owner, OwnerKind};
use contracts::spec::system::{self, Placement, ending};
use contracts::{Side, Text};
use log::info;
use spin::Mutex;
use x86_64::{PhysAddr, VirtAddr};

use super::images::Image;
use super::load::{self, GrowError, Loaded};
use super::placement::{self, placement};
use super::reaper::{self, Remains};
use super::start_error::StartError;
use super::trace;
use super::vouching::Verdict;
use crate::account::Account;
use crate::arch::trap::TrapFrame;
use crate::domain::Domain;
use crate::memory::layout::USER_END;
use crate::memory::mapping;
use crate::sched::{self, Cause};
use crate::unwind::Start;
use crate::{memory, service};

/// How a SIP ended, and what there is to say about it. Nothing in it is allocated.
#[derive(Clone, Debug)]
pub struct Exit {
    /// How.
    pub kind: system::Exit,
    /// The panic's message, or the fault and where it was; empty otherwise.
    pub message: Text<300>,
    /// The registers at a fault.
    pub registers: Option<TrapFrame>,
    /// The address whose access failed, at a page fault.
    pub address: Option<u64>,
    /// Where its thread was, if that is of interest.
    pub place: Option<Start>,
}

impl Exit {
    /// An end with nothing to say but how.
    pub fn plain(kind: system::Exit) -> Exit {
        Exit { kind, message: Text::EMPTY, registers: None, address: None, place: None }
    }

    /// An end with something to say. What does not fit is cut off.
    pub fn saying(kind: system::Exit, message: fmt::Arguments<'_>) -> Exit {
        let mut exit = Exit::plain(kind);
        let _ = exit.message.write_fmt(message);
        exit
    }

    /// What the SIP did, as a sentence without its subject.
    pub fn in_words(&self) -> impl fmt::Display + '_ {
        self.kind.saying(&self.message)
    }
}

/// A SIP that is not reaped.
pub(super) struct Sip {
    pub(super) loaded: Loaded,
    /// The SIP that asked for its start; 0 is the kernel.
    parent: u32,
    /// Whether it was refused memory because of its limit.
    was_refused: bool,
    /// Whether it is listed for a thread that has left.
    pub(super) is_untidy: bool,
    /// Whom to tell when it has ended.
    pub(super) watcher: Option<ending::Client<ending::Running>>,
    /// Set when it has ended.
    pub(super) exit: Option<Exit>,
}

pub(super) struct Sips {
    /// Those that run, and those that have ended and still have endpoints.
    pub(super) by_id: BTreeMap<u32, Box<Sip>>,
    /// Those that have ended and still have endpoints, and those with a thread that has left. There is room for all.
    pub(super) ended: VecDeque<u32>,
    /// Those that have no endpoints any more. There is room for all.
    pub(super) remains: BinaryHeap<Remains>,
    next: u32,
}

pub(super) static SIPS: Mutex<Sips> =
    Mutex::new(Sips { by_id: BTreeMap::new(), ended: VecDeque::new(), remains: BinaryHeap::new(), next: 1 });

/// The images that the system is made of, by name: they are started again and again.
static SYSTEM: Mutex<Vec<(String, Arc<Image>)>> = Mutex::new(Vec::new());

/// Keeps the image in `file` for [`start_kept`].
///
/// # Errors
/// When the file is no image that can run here.
pub fn keep(name: &str, file: &[u8]) -> Result<(), StartError> {
    memory::admit().map_err(|memory::Exhausted| StartError::OutOfMemory)?;
    let image = Image::of(file)?;
    let mut system = SYSTEM.lock();
    system.try_reserve(1).map_err(|_| StartError::OutOfMemory)?;
    system.push((name.to_string(), image));
    Ok(())
}

/// Starts an image that is kept, as [`start`] does; none if there is none of that name.
pub fn start_kept(name: &str, argument: &str, parent: u32) -> Option<Result<u32, StartError>> {
    let image = SYSTEM.lock().iter().find(|(kept, _)| kept == name).map(|(_, image)| image.clone())?;
    Some(start_image(image, argument, parent))
}

/// Starts the image in `file` as a new SIP; returns its number. `argument` is what the SIP gets as its argument; `parent` is
/// the SIP that asked for it.
pub fn start(file: &[u8], argument: &str, parent: u32) -> Result<u32, StartError> {
    memory::admit().map_err(|memory::Exhausted| StartError::OutOfMemory)?;
    start_image(Image::of(file)?, argument, parent)
}

fn start_image(image: Arc<Image>, argument: &str, parent: u32) -> Result<u32, StartError> {
    memory::admit().map_err(|memory::Exhausted| StartError::OutOfMemory)?;
    let id = {
        let mut sips = SIPS.lock();
        // Each may be there once for its end, and once for its threads.
        let most = 2 * (sips.by_id.len() + 1);
        sips.ended.try_reserve(most).map_err(|_| StartError::OutOfMemory)?;
        sips.remains.try_reserve(most / 2).map_err(|_| StartError::OutOfMemory)?;
        sips.next += 1;
        sips.next - 1
    };
    let placement = placement(&image);
    let loaded = load::load(id, image, argument, placement)?;
    let (name, base) = (&loaded.manifest().name, loaded.window.base());
    match placement.is_domain() {
        false => info!("sip {id} ({name}) starts at {base:#x}"),
        true => info!("sip {id} ({name}) starts at {base:#x} in a domain ({})", placement.why()),
    }
    let sip = Sip { loaded, parent, was_refused: false, is_untidy: false, watcher: None, exit: None };
    SIPS.lock().by_id.insert(id, Box::new(sip));
    Ok(id)
}

/// Has `watcher` told when SIP `id` has ended. If there is no such SIP the channel is closed.
pub fn watch(id: u32, watcher: ending::Client<ending::Running>) {
    if let Some(sip) = SIPS.lock().by_id.get_mut(&id) {
        sip.watcher = Some(watcher);
    }
}

/// Acts on the first thread of a SIP that has not ended.
#[cfg(feature = "campaign")]
pub(crate) fn with_thread<T>(id: u32, act: impl FnOnce(&sched::Thread) -> T) -> Result<T, NoSuchSip> {
    let sips = SIPS.lock();
    let sip = sips.by_id.get(&id).filter(|sip| sip.exit.is_none()).ok_or(NoSuchSip)?;
    sip.loaded.threads.first().map(|running| act(&running.thread)).ok_or(NoSuchSip)
}

/// SIPs that are not reclaimed, and the bytes of the lists of those that have ended.
#[cfg(feature = "campaign")]
pub(crate) fn kept() -> (usize, usize) {
    let sips = SIPS.lock();
    let lists = sips.ended.capacity() * size_of::<u32>() + sips.remains.capacity() * size_of::<Remains>();
    (sips.by_id.len() + sips.remains.len(), lists)
}

/// The running SIP's number.
fn current_id() -> u32 {
    sched::current().shared().sip.load(Relaxed)
}

/// Gives the running SIP `pages` more of heap. It may end, or others may run, while they are mapped.
pub(crate) fn grow_heap(pages: usize) -> Option<VirtAddr> {
    let heap = {
        let mut sips = SIPS.lock();
        let sip = sips.by_id.get_mut(&current_id())?;
        let taken = sip.loaded.take_heap(pages);
        sip.was_refused |= taken.as_ref().err() == Some(&GrowError::OverLimit);
        taken.ok()?
    };
    if heap.map(sched::relax).is_err() {
        SIPS.lock().by_id.get_mut(&current_id())?.loaded.give_heap(heap);
        return None;
    }
    Some(heap.start())
}

/// A new channel to the service that the running SIP's manifest uses at `index`: its client's end. None if nobody provides
/// the service now, or a limit or memory does not allow it.
pub(crate) fn connect_port(index: usize) -> Option<&'static End> {
    memory::admit().ok()?;
    let sips = SIPS.lock();
    let sip = sips.by_id.get(&current_id())?;
    let port = sip.loaded.manifest().uses.get(index)?;
    let channel = service::connect(&port.service, &port.contract, sip.loaded.account).ok()?;
    Some(channel.end(Side::Client))
}

/// How a SIP ended that panicked: one that wanted memory has broken its limit, or the machine has no more.
pub(crate) fn panicked(message: &str) -> Exit {
    // The library's words when an allocation cannot fail otherwise.
    if !message.starts_with("memory allocation of ") {
        return Exit::saying(system::Exit::Panic, format_args!("{message}"));
    }
    match SIPS.lock().by_id.get(&current_id()) {
        Some(sip) if sip.was_refused => Exit::saying(system::Exit::Memory, format_args!("{message}")),
        _ => Exit::saying(system::Exit::Panic, format_args!("the machine is out of memory: {message}")),
    }
}

/// Ends the running SIP. What it has is given back by [`super::reap_forever`], after its thread has left.
pub fn end_current(exit: Exit) -> ! {
    let current = sched::current();
    // Its peers get all that it has sent. What is wrong with that does not matter any more.
    let _ = current.domain().and_then(Domain::see_to_unsent);
    let id = current_id();
    let mut sips = SIPS.lock();
    let Some(sip) = sips.by_id.get_mut(&id) else { panic!("a kernel thread ended: {}", exit.in_words()) };
    let others = sip.loaded.threads.iter().filter(|running| !ptr::eq(&*running.thread, current));
    others.for_each(|running| sched::retire(&running.thread));
    sip.exit = Some(exit);
    sips.ended.push_back(id);
    drop(sips);
    reaper::call();
    sched::leave()
}

/// Makes another thread of the running SIP, which starts at `entry`.
pub(crate) fn spawn_thread(entry: u64, argument: usize) -> Result<(), GrowError> {
    memory::admit().map_err(|memory::Exhausted| GrowError::OutOfMemory)?;
    let mut sips = SIPS.lock();
    let sip = sips.by_id.get_mut(&current_id()).ok_or(GrowError::OutOfMemory)?;
    sip.loaded.spawn(entry, argument)
}

/// Ends the running thread; the last one ends its SIP.
pub(crate) fn exit_thread() -> ! {
    let id = current_id();
    let mut sips = SIPS.lock();
    let Some(sip) = sips.by_id.get_mut(&id) else { panic!("a kernel thread ended") };
    if sip.loaded.live_threads() == 1 {
        drop(sips);
        end_current(Exit::plain(system::Exit::Success));
    }
    if !core::mem::replace(&mut sip.is_untidy, true) {
        sips.ended.push_back(id);
    }
    drop(sips);
    reaper::call();
    sched::leave()
}

/// There is no such SIP, or it has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoSuchSip;

/// Ends a SIP whose threads do not run: it does nothing any more. What it has is given back by [`super::reap_forever`].
pub fn end(id: u32, exit: Exit) -> Result<(), NoSuchSip> {
    let mut sips = SIPS.lock();
    let sip = sips.by_id.get_mut(&id).filter(|sip| sip.exit.is_none()).ok_or(NoSuchSip)?;
    // Of several threads the first tells the most.
    let place =
        exit.place.or_else(|| sip.loaded.threads.iter().find_map(|running| sched::place(&running.thread)));
    sip.loaded.threads.iter().for_each(|running| sched::retire(&running.thread));
    sip.exit = Some(Exit { place, ..exit });
    sips.ended.push_back(id);
    drop(sips);
    reaper::call();
    Ok(())
}

/// Ends the domain that sent what came to an end, as its receiver says, and broke the contract. Nobody else is blamed.
pub(super) fn blame(own: &End, what: u32) {
    // SAFETY: the end is its receiver's, and open.
    let channel = unsafe { own.channel() };
    let peer = channel.end(channel.side_of(own).peer());
    let OwnerKind::Sip(sender) = Owner::from_bits(peer.tracked.owner.load(Relaxed)).kind() else { return };
    let is_domain = SIPS.lock().by_id.get(&sender).is_some_and(|sip| sip.loaded.account.is_in_domain());
    if is_domain && sender != current_id() {
        let words = contracts::gate::words(what);
        let exit = Exit::saying(
            system::Exit::Fault,
            format_args!("broke the contract {}: {words}", crate::channel::contract_of(channel)),
        );
        // One that ended meanwhile has ended.
        let _ = end(sender, exit);
    }
}

/// Ends a SIP for what it has done before it was preempted.
pub(super) fn end_for(id: u32, cause: Cause) {
    let exit = match cause {
        Cause::Budget => Exit::plain(system::Exit::Time),
        Cause::Sent(what) => Exit::saying(system::Exit::Fault, format_args!("{what}")),
    };
    // One that ended meanwhile has ended.
    let _ = end(id, exit);
}

/// The account of a SIP that is not reaped. It is good until the next switch, and while something counts against it.
pub(crate) fn account_of(id: u32) -> Option<&'static Account> {
    SIPS.lock().by_id.get(&id).map(|sip| sip.loaded.account)
}

/// Whether a SIP may use a service. One that is gone may use none.
pub(crate) fn may_use(id: u32, service: &str) -> bool {
    let image = SIPS.lock().by_id.get(&id).map(|sip| sip.loaded.image.clone());
    image.is_some_and(|image| image_may_use(&image, service))
}

/// Whether a SIP that runs this image may use a service.
pub(super) fn image_may_use(image: &Arc<Image>, service: &str) -> bool {
    if image.verdict() == Verdict::Signed {
        return true;
    }
    let system = SYSTEM.lock();
    let kept = system.iter().find(|(_, kept)| Arc::ptr_eq(kept, image));
    placement::is_granted(kept.map(|(name, _)| name.as_str()), service)
}

/// Where it lies in physical memory what a SIP sees at an address; none if nothing is mapped there.
pub(crate) fn translate(id: u32, address: VirtAddr) -> Option<PhysAddr> {
    if address.as_u64() >= USER_END {
        return mapping::translate(address);
    }
    let sips = SIPS.lock();
    sips.by_id.get(&id)?.loaded.window.space()?.tables().translate(address)
}

/// What [`survey`] tells of a SIP.
pub struct SipView<'a> {
    /// Its number.
    pub id: u32,
    /// Its name.
    pub name: &'a str,
    /// The SIP that asked for its start; 0 is the kernel.
    pub parent: u32,
    /// Number of its threads.
    pub threads: u32,
    /// Priority of its threads.
    pub priority: u8,
    /// Ticks of the timer that found it running.
    pub ticks: u64,
    /// Whether its thread runs or could run.
    pub state: system::ProcessState,
    /// Bytes of private memory, page tables included.
    pub memory: usize,
    /// Bytes of the image that others who run it have, too.
    pub shared: usize,
    /// Where its image lies.
    pub base: VirtAddr,
    /// The space that it is in, and why.
    pub placement: Placement,
}

/// Shows every SIP, oldest first.
pub fn survey(mut each: impl FnMut(SipView<'_>)) {
    for (id, sip) in &SIPS.lock().by_id {
        each(SipView {
            id: *id,
            name: &sip.loaded.manifest().name,
            parent: sip.parent,
            ticks: sip.loaded.account.budget().total(),
            priority: sip.loaded.manifest().priority,
            threads: sip.loaded.live_threads() as u32,
            state: match sip.loaded.threads.iter().any(|running| sched::is_ready(&running.thread)) {
                true => system::ProcessState::Ready,
                false => system::ProcessState::Waiting,
            },
            memory: sip.loaded.private_bytes(),
            shared: sip.loaded.shared_bytes(),
            base: sip.loaded.window.base(),
            placement: sip.loaded.placement,
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

/// Says what lies at an address in a SIP's window, if that can be told without waiting, for the kernel may be dying.
/// Returns whether it did.
pub(super) fn try_describe(address: u64, out: &mut dyn Write) -> Result<bool, fmt::Error> {
    let Some(sips) = SIPS.try_lock() else { return Ok(false) };
    // All domains have their windows at the same place.
    let found = match address < USER_END {
        true => sips.by_id.get(&current_id()),
        false => sips.by_id.values().find(|sip| sip.loaded.window.contains(address)),
    };
    let Some(sip) = found.filter(|sip| sip.loaded.window.contains(address)) else {
        return Ok(false);
    };
    let offset = address.wrapping_sub(sip.loaded.window.base().as_u64());
    write!(out, "{}+{offset:#x}", sip.loaded.manifest().name)?;
    trace::write_function(&sip.loaded.image, offset, out)?;
    Ok(true)
}
