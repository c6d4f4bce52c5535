//! From an image to a SIP that is ready to run: its window, its memory, its grants.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::mem::size_of;
use core::ptr;

use contracts::Side;
use contracts::abi::{End, Owner, Set, Start};
use contracts::manifest::{Difference, Manifest};
use spin::Mutex;
use x86_64::VirtAddr;

use super::image::ImageError;
use super::images::Image;
use super::table::TABLE;
use crate::account::{self, Account, Limits};
use crate::memory::PAGE_SIZE;
use crate::memory::frames;
use crate::memory::layout::{SIP_IMAGE_OFFSET, SIP_WINDOW_BYTES, SIP_WINDOW_COUNT, sip_window};
use crate::memory::mapping::{self, Access};
use crate::memory::stacks::{Stack, StackError};
use crate::sched::{self, Thread};
use crate::{channel, service};

/// Why a SIP was not started.
#[derive(Debug)]
pub enum StartError {
    /// The file is no image that can run here.
    Image(ImageError),
    /// It uses a service that no running SIP provides.
    Unprovided {
        /// The service's name.
        service: String,
        /// The contract it would speak.
        contract: String,
    },
    /// It uses a service that speaks another contract, or another version of it.
    Mismatch {
        /// The service's name.
        service: String,
        /// The user's contract.
        contract: String,
        /// How the two differ.
        difference: Difference,
    },
    /// It provides a service that a running SIP provides already.
    Taken {
        /// The service's name.
        service: String,
    },
    /// It needs more memory than its manifest allows it.
    OverLimit {
        /// KiB it needs to start.
        needed: usize,
        /// KiB its manifest allows.
        limit: usize,
    },
    /// Its manifest lists more services than the start page has room for.
    TooManyServices,
    /// It uses more services than its manifest allows it channels.
    TooManyChannels,
    /// The argument is longer than the start page has room for.
    ArgumentTooLong,
    /// All windows are taken.
    TooManySips,
    /// The machine's memory is exhausted.
    OutOfMemory,
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Image(error) => error.fmt(f),
            StartError::Unprovided { service, contract } => {
                write!(f, "it uses the service '{service}' ({contract}), which no running process provides")
            }
            StartError::Mismatch { service, contract, difference } => {
                write!(f, "it uses the service '{service}' ({contract}), but {difference}")
            }
            StartError::Taken { service } => {
                write!(f, "it provides the service '{service}', which a running process provides already")
            }
            StartError::OverLimit { needed, limit } => {
                write!(f, "it needs {needed} KiB to start, its manifest allows {limit} KiB")
            }
            StartError::TooManyServices => f.write_str("its manifest lists too many services"),
            StartError::TooManyChannels => {
                f.write_str("it uses more services than its manifest allows it channels")
            }
            StartError::ArgumentTooLong => f.write_str("the argument is too long"),
            StartError::TooManySips => f.write_str("too many processes are running"),
            StartError::OutOfMemory => f.write_str("out of memory"),
        }
    }
}

impl From<ImageError> for StartError {
    fn from(error: ImageError) -> Self {
        match error {
            ImageError::OutOfMemory => StartError::OutOfMemory,
            error => StartError::Image(error),
        }
    }
}

impl From<mapping::MapError> for StartError {
    fn from(_: mapping::MapError) -> Self {
        StartError::OutOfMemory
    }
}

impl From<StackError> for StartError {
    fn from(_: StackError) -> Self {
        StartError::OutOfMemory
    }
}

impl From<channel::CreateError> for StartError {
    fn from(error: channel::CreateError) -> Self {
        match error {
            channel::CreateError::OverLimit => StartError::TooManyChannels,
            channel::CreateError::OutOfMemory => StartError::OutOfMemory,
        }
    }
}

impl From<account::OutOfMemory> for StartError {
    fn from(_: account::OutOfMemory) -> Self {
        StartError::OutOfMemory
    }
}

/// From a window's start to the start page.
const START_PAGE_OFFSET: u64 = 1 << 20;
/// From a window's start to the heap.
const HEAP_OFFSET: u64 = 512 << 20;
/// From a window's start to the end of the heap at most; stacks lie above.
const HEAP_END_OFFSET: u64 = 960 << 20;

/// A window of the address space.
///
/// Holding one proves that no other SIP has it. Dropping it unmaps whatever is in it.
#[derive(Debug)]
pub(super) struct Window(u64);

static WINDOWS: Mutex<BTreeSet<u64>> = Mutex::new(BTreeSet::new());

impl Window {
    fn take() -> Result<Window, StartError> {
        let mut taken = WINDOWS.lock();
        let free =
            (0..SIP_WINDOW_COUNT).find(|index| !taken.contains(index)).ok_or(StartError::TooManySips)?;
        taken.insert(free);
        Ok(Window(free))
    }

    fn at(&self, offset: u64) -> VirtAddr {
        sip_window(self.0) + offset
    }

    /// Where the image lies.
    pub(super) fn base(&self) -> VirtAddr {
        self.at(SIP_IMAGE_OFFSET)
    }

    /// Maps `pages` more behind the `have` pages of the heap.
    pub(super) fn grow_heap(&self, have: usize, pages: usize) -> Option<VirtAddr> {
        let bytes = (have.checked_add(pages)?).checked_mul(PAGE_SIZE)? as u64;
        let start = self.at(HEAP_OFFSET) + (have * PAGE_SIZE) as u64;
        (bytes <= HEAP_END_OFFSET - HEAP_OFFSET).then_some(())?;
        mapping::map_fresh(start, pages, Access::ReadWrite).ok()?;
        Some(start)
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        mapping::unmap_range(self.at(0), SIP_WINDOW_BYTES as usize / PAGE_SIZE);
        WINDOWS.lock().remove(&self.0);
    }
}

/// A SIP whose thread is about to run. Fields are dropped in this order: an image after all that maps it.
pub(super) struct Loaded {
    pub(super) thread: Box<Thread>,
    pub(super) window: Window,
    pub(super) image: Arc<Image>,
    pub(super) account: &'static Account,
    /// Pages of private memory.
    pub(super) pages: usize,
}

impl Loaded {
    /// What it needs and offers.
    pub(super) fn manifest(&self) -> &Manifest {
        self.image.manifest()
    }
}

/// Loads the image as SIP `id`. If it fails, everything that was made for it is given back.
pub(super) fn load(id: u32, image: Arc<Image>, argument: &str) -> Result<Loaded, StartError> {
    let account = Account::open(Owner::sip(id), &limits(image.manifest()))?;
    let result = build(id, account, image, argument);
    if result.is_err() {
        service::withdraw(id);
        channel::reclaim(account, || {});
        account.close();
    }
    result
}

fn limits(manifest: &Manifest) -> Limits {
    Limits { block_bytes: manifest.blocks, channels: manifest.channels, cpu_percent: manifest.cpu_percent }
}

fn build(
    id: u32,
    account: &'static Account,
    image: Arc<Image>,
    argument: &str,
) -> Result<Loaded, StartError> {
    let manifest = image.manifest();
    let window = Window::take()?;
    let stack_pages = (manifest.stack as usize).div_ceil(PAGE_SIZE);
    let pages = image.private_pages() + 1 + stack_pages;
    let limit = manifest.memory as usize / PAGE_SIZE;
    if pages > limit {
        return Err(StartError::OverLimit {
            needed: pages * PAGE_SIZE / 1024,
            limit: limit * PAGE_SIZE / 1024,
        });
    }
    // SAFETY: the window is fresh, and dropping it unmaps all of it; the image, a parameter, is dropped after it.
    unsafe { image.map(window.base())? };
    let stack =
        Stack::place(window.at(SIP_WINDOW_BYTES - ((stack_pages + 1) * PAGE_SIZE) as u64), stack_pages)?;
    let grants = Grants::make(id, account, manifest)?;
    let start = write_start_page(&window, account, &grants, argument)?;
    let entry = window.base().as_u64() + image.entry();
    // SAFETY: the entry point lies in the image's executable memory, and images are built with this type of entry.
    let entry = unsafe { core::mem::transmute::<u64, unsafe extern "C" fn(usize) -> !>(entry) };
    let priority = u32::from(manifest.priority);
    let thread = sched::spawn(account, priority, stack, entry, start).map_err(|_| StartError::OutOfMemory)?;
    Ok(Loaded { thread, window, image, account, pages })
}

/// What the kernel places in a new SIP's hands.
struct Grants {
    provided: Vec<&'static Set>,
    used: Vec<&'static End>,
}

impl Grants {
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
    window: &Window,
    account: &'static Account,
    grants: &Grants,
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
    let page = window.at(START_PAGE_OFFSET);
    let used = page.as_ptr::<Start>().wrapping_add(1).cast::<*const End>();
    let provided = used.wrapping_add(grants.used.len()).cast::<*const Set>();
    let start = Start {
        table: &TABLE,
        account: account.shared(),
        used,
        provided,
        argument: page.as_ptr::<u8>().wrapping_add(argument_offset),
        argument_length: argument.len(),
    };
    let place = frame.bytes().as_mut_ptr();
    // SAFETY: the frame is ours and aligned, and everything fits as computed above.
    unsafe {
        place.cast::<Start>().write(start);
        let used = place.cast::<Start>().add(1).cast::<*const End>();
        let provided = used.add(grants.used.len()).cast::<*const Set>();
        grants.used.iter().enumerate().for_each(|(i, end)| used.add(i).write(*end));
        grants.provided.iter().enumerate().for_each(|(i, set)| provided.add(i).write(*set));
        ptr::copy_nonoverlapping(argument.as_ptr(), place.add(argument_offset), argument.len());
    }
    mapping::map(page, frame, Access::ReadOnly)?;
    Ok(page.as_u64() as usize)
}
