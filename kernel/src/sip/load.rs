//! From an image to a SIP that is ready to run: its window, its memory, its grants.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::mem::size_of;
use core::ptr;

use contracts::Side;
use contracts::abi::{self, End, Owner, Set, Start, Table};
use contracts::manifest::Manifest;
use contracts::sabotage::{Bug, planted};
use contracts::spec::system::Placement;

use super::images::Image;
use super::life;
use super::start_error::StartError;
use super::table::TABLE;
use super::trace::Scene;
use super::window::{HeapPages, Window, WindowStack};
use crate::account::{Account, Limits};
use crate::domain::Domain;
use crate::memory::PAGE_SIZE;
use crate::memory::frames;
use crate::memory::space::UserMemory;
use crate::memory::stacks::Stack;
use crate::sched::{self, Ring3, Thread};
use crate::{channel, domain, service, unwind};

/// Why a SIP got no more heap, or no other thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GrowError {
    /// Its manifest does not allow it so much memory, or so many threads.
    OverLimit,
    /// The window or the machine's memory is exhausted.
    OutOfMemory,
}

/// One of a SIP's threads.
pub(super) struct Running {
    pub(super) thread: Box<Thread>,
    /// The slot of its stack, unless it is the first.
    slot: Option<usize>,
}

/// A SIP whose thread is about to run. Fields are dropped in this order: an image after all that maps it.
pub(super) struct Loaded {
    pub(super) threads: Vec<Running>,
    /// What the kernel keeps of it if it is in a domain.
    domain: Option<Box<Domain>>,
    pub(super) window: Window,
    pub(super) image: Arc<Image>,
    pub(super) account: &'static Account,
    /// The space that it is in, and why.
    pub(super) placement: Placement,
    /// Pages that it has for itself; page tables not counted.
    pages: usize,
}

impl Loaded {
    /// Takes `pages` more pages for heap, and counts them.
    pub(super) fn take_heap(&mut self, pages: usize) -> Result<HeapPages, GrowError> {
        let limit = limit_pages(self.manifest());
        let limit = if planted(Bug::UnlimitedMemory) { usize::MAX } else { limit };
        let sum = self.pages.checked_add(pages).filter(|sum| *sum <= limit).ok_or(GrowError::OverLimit)?;
        let heap = self.window.take_heap(pages).ok_or(GrowError::OutOfMemory)?;
        self.pages = sum;
        Ok(heap)
    }

    /// Gives back what could not be mapped.
    pub(super) fn give_heap(&mut self, heap: HeapPages) {
        self.pages -= heap.count();
        self.window.give_heap(heap);
    }

    /// Makes another thread, which runs the function at `entry` with this argument.
    pub(super) fn spawn(&mut self, entry: u64, argument: usize) -> Result<(), GrowError> {
        let manifest = self.image.manifest();
        let (most, priority) = (manifest.threads as usize, u32::from(manifest.priority));
        let (stack_pages, limit) = (stack_pages(manifest), limit_pages(manifest));
        let sum =
            self.pages.checked_add(stack_pages).filter(|sum| *sum <= limit).ok_or(GrowError::OverLimit)?;
        if self.threads.len() >= most && !planted(Bug::UnlimitedThreads) {
            return Err(GrowError::OverLimit);
        }
        self.threads.try_reserve(1).map_err(|_| GrowError::OutOfMemory)?;
        let (slot, stack) = self.window.map_more_stack(stack_pages).map_err(|_| GrowError::OutOfMemory)?;
        let begin = Begin { entry, argument };
        let place = (&self.window, self.domain.as_deref());
        match start_thread(place, self.account, priority, stack, begin) {
            Ok(thread) => self.threads.push(Running { thread, slot: Some(slot) }),
            Err(sched::ThreadError::OutOfMemory) => {
                self.window.give_stack(slot, stack_pages);
                return Err(GrowError::OutOfMemory);
            }
        }
        self.pages = sum;
        Ok(())
    }

    /// Gives back what the kernel keeps of a domain, none of whose threads will run: it reaches no block any more.
    pub(super) fn close_gate(&mut self) {
        self.domain = None;
    }

    /// Threads that have not left.
    pub(super) fn live_threads(&self) -> usize {
        self.threads.iter().filter(|running| !running.thread.has_left()).count()
    }

    /// Frees the threads that have left, but for the first: its stack is the window's.
    pub(super) fn drop_left_threads(&mut self) {
        let (stack_pages, window, pages) =
            (stack_pages(self.image.manifest()), &mut self.window, &mut self.pages);
        let domain = self.domain.as_deref();
        self.threads.retain_mut(|running| match running.slot {
            Some(slot) if running.thread.has_left() => {
                if let (Some(domain), Some(ring3)) = (domain, running.thread.ring3()) {
                    domain.remove_thread(ring3.selection, Some(&running.thread.shared().selection));
                }
                // The slot is given back when the stack is gone, and nothing else takes one before.
                if !planted(Bug::TakenSlot) {
                    window.give_stack(slot, stack_pages);
                }
                *pages -= stack_pages;
                false
            }
            _ => true,
        });
    }

    /// Bytes of what it has for itself: the image's variables, start page, stack and heap, and the page tables of all that.
    pub(super) fn private_bytes(&self) -> usize {
        let shared = self.domain.as_ref().map_or(0, |domain| domain.pages());
        (self.pages + shared + self.window.page_tables()) * PAGE_SIZE
    }

    /// Bytes of the image's that it has in common with all who run it.
    pub(super) fn shared_bytes(&self) -> usize {
        self.image.shared_pages() * PAGE_SIZE
    }

    /// Writes a line for each function that one of its threads, none of which runs, had called from `start` on outwards.
    pub(super) fn write_backtrace(&self, start: &unwind::Start, out: &mut dyn fmt::Write) -> fmt::Result {
        let base = self.window.base();
        if let Some(space) = self.window.space() {
            // SAFETY: the space is there for as long as the window is.
            let memory = unsafe { UserMemory::of(space.root()) };
            return Scene { image: &self.image, base, word: |address| memory.word(address), tables: None }
                .write(start, out);
        }
        // SAFETY: the image is mapped there for as long as the window lives.
        let tables = unsafe { self.image.unwind_tables(base) };
        let stacks = || self.threads.iter().filter_map(|running| running.thread.stack());
        let its_own = stacks().find(|stack| start.is_on(|address| stack.contains(address)));
        // One that is on none of them is at its end all the same.
        let stack = its_own.or_else(|| stacks().next()).ok_or(fmt::Error)?;
        Scene { image: &self.image, base, word: |address| stack.word(address), tables }.write(start, out)
    }

    /// What it needs and offers.
    pub(super) fn manifest(&self) -> &Manifest {
        self.image.manifest()
    }
}

/// Loads the image as SIP `id`. If it fails, everything that was made for it is given back.
pub(super) fn load(
    id: u32,
    image: Arc<Image>,
    argument: &str,
    placement: Placement,
) -> Result<Loaded, StartError> {
    if let Some(port) = image.manifest().uses.iter().find(|port| !life::image_may_use(&image, &port.service))
    {
        return Err(StartError::NotGranted { service: port.service.clone() });
    }
    let account = Account::open(Owner::sip(id), &limits(image.manifest(), placement))?;
    let result = build(id, account, image, argument, placement);
    if result.is_err() {
        service::withdraw(id);
        channel::reclaim(account, || {});
        account.close();
    }
    result
}

fn limits(manifest: &Manifest, placement: Placement) -> Limits {
    Limits {
        block_bytes: manifest.blocks,
        channels: manifest.channels,
        cpu_percent: manifest.cpu_percent,
        in_domain: placement.is_domain(),
    }
}

fn build(
    id: u32,
    account: &'static Account,
    image: Arc<Image>,
    argument: &str,
    placement: Placement,
) -> Result<Loaded, StartError> {
    let manifest = image.manifest();
    let (mut window, own_pages) = match placement.is_domain() {
        false => (Window::take()?, 1),
        // With the page that GS leads to.
        true => (Window::in_domain()?, 2),
    };
    let stack_pages = stack_pages(manifest);
    let pages = image.private_pages() + own_pages + stack_pages;
    let limit = limit_pages(manifest);
    if pages > limit {
        return Err(StartError::OverLimit {
            needed: pages * PAGE_SIZE / 1024,
            limit: limit * PAGE_SIZE / 1024,
        });
    }
    // SAFETY: the image, a parameter, is dropped after the window; and so it is in what is returned.
    unsafe { window.map_image(&image)? };
    let stack = window.map_stack(stack_pages)?;
    let mut domain = None;
    let start = match placement.is_domain() {
        false => {
            let grants = Grants::make(id, account, manifest)?.addresses();
            write_start_page(&mut window, (&TABLE, account.shared()), &grants, argument)?
        }
        true => {
            let made = open_domain(&mut window, account, limit)?;
            let grants = Grants::make(id, account, manifest)?.addresses_in(&made)?;
            // SAFETY: the two are never used but for their addresses, which mean something in the domain alone.
            let gate = unsafe { (&*domain::TABLE, &*(domain::ACCOUNT as *const abi::Account)) };
            let start = write_start_page(&mut window, gate, &grants, argument)?;
            domain = Some(made);
            start
        }
    };
    let begin = Begin { entry: window.base().as_u64() + image.entry(), argument: start };
    let priority = u32::from(manifest.priority);
    let mut threads = Vec::new();
    threads.try_reserve_exact(1).map_err(|_| StartError::OutOfMemory)?;
    let thread = start_thread((&window, domain.as_deref()), account, priority, stack, begin);
    let thread = thread.map_err(|sched::ThreadError::OutOfMemory| StartError::OutOfMemory)?;
    threads.push(Running { thread, slot: None });
    Ok(Loaded { threads, domain, window, image, account, placement, pages })
}

/// Where a thread of a SIP's starts.
struct Begin {
    /// Address of the function; in the image, if the SIP is to be trusted.
    entry: u64,
    argument: usize,
}

/// What the kernel keeps of a new domain, whose space the window is in.
fn open_domain(
    window: &mut Window,
    account: &'static Account,
    limit: usize,
) -> Result<Box<Domain>, StartError> {
    let core = window.map_gate(account)?;
    let space = window.space().expect("a domain has a space");
    let mut place = Vec::new();
    place.try_reserve_exact(1).map_err(|_| StartError::OutOfMemory)?;
    place.push(Domain::new(space, account, core, limit));
    let place: Box<[Domain; 1]> = place.into_boxed_slice().try_into().map_err(|_| StartError::OutOfMemory)?;
    // SAFETY: an array of one is laid out as the one.
    Ok(unsafe { Box::from_raw(Box::into_raw(place).cast::<Domain>()) })
}

/// Makes a thread of a SIP's ready to run, in the space that the window is in.
fn start_thread(
    (window, domain): (&Window, Option<&Domain>),
    account: &'static Account,
    priority: u32,
    stack: WindowStack,
    begin: Begin,
) -> Result<Box<Thread>, sched::ThreadError> {
    let Begin { entry, argument } = begin;
    match (stack, window.space()) {
        (WindowStack::InRing3 { limit, top }, Some(space)) => {
            let domain = domain.expect("what is in a space of its own is a domain");
            let kernel_stack = Stack::allocate(domain::STACK_PAGES);
            let (thread, selection) =
                domain.insert_thread().map_err(|domain::NoRoom| sched::ThreadError::OutOfMemory)?;
            let ring3 = Ring3 {
                domain,
                core_current: domain.core_current(),
                thread,
                selection,
                root: space.root().as_u64(),
                entry,
                // As if called.
                stack_pointer: top.as_u64() - 8,
                stack_limit: limit.as_u64(),
                argument: argument as u64,
            };
            let kernel_stack = kernel_stack.map_err(|_| sched::ThreadError::OutOfMemory);
            let made = kernel_stack.and_then(|stack| sched::spawn_in_ring3(account, priority, stack, ring3));
            made.inspect_err(|_| domain.remove_thread(selection, None))
        }
        (WindowStack::OfThread(stack), None) => {
            // SAFETY: the entry point lies in the image's executable memory, and images are built with this type of
            // entry; or it is a function that a SIP passes for this.
            let entry = unsafe { core::mem::transmute::<u64, unsafe extern "C" fn(usize) -> !>(entry) };
            sched::spawn(account, priority, stack, entry, argument)
        }
        _ => unreachable!("a window's stacks are where it is"),
    }
}

/// Pages of the stack of each thread of a SIP with this manifest.
fn stack_pages(manifest: &Manifest) -> usize {
    (manifest.stack as usize).div_ceil(PAGE_SIZE)
}

/// The most pages that a SIP with this manifest may have for itself.
fn limit_pages(manifest: &Manifest) -> usize {
    manifest.memory as usize / PAGE_SIZE
}

/// Where a SIP finds what it was granted.
struct Addresses {
    used: Vec<u64>,
    provided: Vec<u64>,
}

/// What the kernel places in a new SIP's hands.
struct Grants {
    provided: Vec<&'static Set>,
    used: Vec<&'static End>,
}

impl Grants {
    /// Where the SIP finds them.
    fn addresses(&self) -> Addresses {
        Addresses {
            used: self.used.iter().map(|end| ptr::from_ref(*end) as u64).collect(),
            provided: self.provided.iter().map(|set| ptr::from_ref(*set) as u64).collect(),
        }
    }

    /// Makes them a domain's. Where that finds them.
    fn addresses_in(&self, domain: &Domain) -> Result<Addresses, StartError> {
        let used = self.used.iter().map(|end| domain.insert_end(end));
        let used = used.collect::<Result<_, _>>().map_err(|domain::NoRoom| StartError::OutOfMemory)?;
        let provided = self.provided.iter().map(|set| domain.insert_set(set));
        let provided =
            provided.collect::<Result<_, _>>().map_err(|domain::NoRoom| StartError::OutOfMemory)?;
        Ok(Addresses { used, provided })
    }

    fn make(id: u32, account: &'static Account, manifest: &Manifest) -> Result<Grants, StartError> {
        let mut grants = Grants { provided: Vec::new(), used: Vec::new() };
        for port in &manifest.uses {
            let (service, contract) = (port.service.clone(), port.contract.name.clone());
            let channel =
                service::connect(&port.service, &port.contract, account).map_err(|error| match error {
                    service::ConnectError::Unknown => StartError::Unprovided { service, contract },
                    service::ConnectError::Mismatch(difference) => {
                        StartError::Mismatch { service, contract, difference }
                    }
                    service::ConnectError::OverLimit => StartError::TooManyChannels,
                    service::ConnectError::OutOfMemory => StartError::OutOfMemory,
                })?;
            grants.used.push(channel.end(Side::Client));
        }
        for port in &manifest.provides {
            let set = channel::create_set(account)?;
            grants.provided.push(set);
            service::publish(&port.service, &port.contract, id, set)
                .map_err(|_| StartError::Taken { service: port.service.clone() })?;
        }
        Ok(grants)
    }
}

/// Writes what the entry point is handed into a read-only page of the window. Returns its address.
fn write_start_page(
    window: &mut Window,
    (table, account): (&'static Table, &'static abi::Account),
    grants: &Addresses,
    argument: &str,
) -> Result<usize, StartError> {
    let pointers = grants.used.len() + grants.provided.len();
    let argument_offset = size_of::<Start>() + pointers * size_of::<usize>();
    if argument_offset > PAGE_SIZE / 2 {
        return Err(StartError::TooManyServices);
    }
    if argument_offset + argument.len() > PAGE_SIZE {
        return Err(StartError::ArgumentTooLong);
    }
    let mut frame = frames::allocate_zeroed().ok_or(StartError::OutOfMemory)?;
    let page = window.start_page();
    let used = page.as_ptr::<Start>().wrapping_add(1).cast::<*const End>();
    let provided = used.wrapping_add(grants.used.len()).cast::<*const Set>();
    let start = Start {
        table,
        account,
        used,
        provided,
        argument: page.as_ptr::<u8>().wrapping_add(argument_offset),
        argument_length: argument.len(),
    };
    let place = frame.bytes().as_mut_ptr();
    // SAFETY: the frame is ours and aligned, and everything fits as computed above.
    unsafe {
        place.cast::<Start>().write(start);
        let words = place.cast::<Start>().add(1).cast::<u64>();
        let addresses = grants.used.iter().chain(&grants.provided);
        addresses.enumerate().for_each(|(i, address)| words.add(i).write(*address));
        ptr::copy_nonoverlapping(argument.as_ptr(), place.add(argument_offset), argument.len());
    }
    window.map_start_page(frame)?;
    Ok(page.as_u64() as usize)
}
