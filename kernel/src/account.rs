//! What each SIP may have, and what it has: blocks, channels and time.
//!
//! ```text
//!            1 open            2 close              3 settle
//! (nothing) -------> held ---------------> orphaned ---------> (gone)
//! ```
//!
//! Blocks in flight count against their sender, and a channel against whoever made it, so an account can outlive its SIP.
//! It is freed once its SIP is gone and nothing counts against it any more.

use alloc::alloc::{alloc, dealloc};
use core::alloc::Layout;
use core::ptr;
use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64};

use contracts::abi::{self, MARKS, Owner};
use contracts::sabotage::{Bug, planted};
use intrusive_collections::{LinkedList, LinkedListAtomicLink, UnsafeRef, intrusive_adapter};
use spin::Mutex;

use crate::channel::Sets;
use crate::sched::{Budget, Overrun};

/// The limits of one SIP, from its manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of blocks, by their capacity.
    pub block_bytes: u64,
    /// Channels that it made, or that were made for it, and that are not closed by both sides.
    pub channels: u32,
    /// Percent of the core, see [`Budget`].
    pub cpu_percent: u8,
    /// Whether it is in a domain.
    pub in_domain: bool,
}

impl Limits {
    /// The kernel's: none.
    const NONE: Limits =
        Limits { block_bytes: u64::MAX, channels: u32::MAX, cpu_percent: 100, in_domain: false };
}

/// The kernel's heap is exhausted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfMemory;

/// It would be more than the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverLimit;

/// One SIP's account, or the kernel's.
///
/// A reference to one that is not the kernel's is good while its SIP exists or something counts against it.
#[repr(C)]
pub struct Account {
    /// What SIPs see; first, so that its address is this one's.
    shared: abi::Account,
    /// Bytes that are counted for blocks in the making, and not mapped yet.
    awaited: AtomicU64,
    channels: AtomicU32,
    channel_limit: u32,
    /// Lines that its holder wrote to the log.
    lines: AtomicU32,
    budget: Budget,
    in_domain: bool,
    sets: Sets,
    orphaned: AtomicBool,
    link: LinkedListAtomicLink,
}

intrusive_adapter!(Orphans = UnsafeRef<Account>: Account { link => LinkedListAtomicLink });

/// Accounts whose SIPs are gone.
static ORPHANS: Mutex<LinkedList<Orphans>> = Mutex::new(LinkedList::new(Orphans::NEW));

/// How many orphans a [`Account::close`] looks at: their blocks may have been received by SIPs, which do not tell.
const ORPHANS_LOOKED_AT: usize = 8;

/// The kernel's own account: without limits.
pub static KERNEL: Account = Account::new(Owner::KERNEL, &Limits::NONE);

impl Account {
    const fn new(owner: Owner, limits: &Limits) -> Account {
        Account {
            shared: abi::Account {
                owner: AtomicU64::new(owner.to_bits()),
                bytes: AtomicU64::new(0),
                byte_limit: AtomicU64::new(limits.block_bytes),
                marks: [const { AtomicU8::new(0) }; MARKS],
            },
            awaited: AtomicU64::new(0),
            channels: AtomicU32::new(0),
            channel_limit: limits.channels,
            lines: AtomicU32::new(0),
            budget: Budget::new(limits.cpu_percent),
            in_domain: limits.in_domain,
            sets: Sets::new(),
            orphaned: AtomicBool::new(false),
            link: LinkedListAtomicLink::new(),
        }
    }

    /// An account for a new SIP. [`Account::close`] gives it back.
    pub fn open(owner: Owner, limits: &Limits) -> Result<&'static Account, OutOfMemory> {
        // SAFETY: the layout is not empty; the memory is initialised before it is referred to.
        unsafe {
            let memory = alloc(Layout::new::<Account>()).cast::<Account>();
            if memory.is_null() {
                return Err(OutOfMemory);
            }
            memory.write(Account::new(owner, limits));
            Ok(&*memory)
        }
    }

    /// The account that SIPs see as `shared`.
    ///
    /// # Safety
    ///
    /// It is the shared part of one, and good.
    pub unsafe fn of(shared: *const abi::Account) -> &'static Account {
        // SAFETY: the shared part comes first; passed on to the caller.
        unsafe { &*shared.cast() }
    }

    /// What SIPs see of it.
    pub fn shared(&self) -> &abi::Account {
        &self.shared
    }

    /// Whose it is.
    pub fn owner(&self) -> Owner {
        Owner::from_bits(self.shared.owner.load(Relaxed))
    }

    /// Whether its holder is in a domain.
    pub fn is_in_domain(&self) -> bool {
        self.in_domain
    }

    /// The sets of its holder.
    pub(crate) fn sets(&self) -> &Sets {
        &self.sets
    }

    /// Bytes of blocks that count against it.
    pub fn block_bytes(&self) -> u64 {
        self.shared.bytes.load(Relaxed)
    }

    /// Channels that count against it.
    pub fn channels(&self) -> u32 {
        self.channels.load(Relaxed)
    }

    /// Lines that its holder has written to the log.
    pub fn lines(&self) -> u32 {
        self.lines.load(Relaxed)
    }

    /// Counts a line that its holder writes to the log.
    pub fn count_line(&self) {
        self.lines.store(self.lines().saturating_add(1), Relaxed);
    }

    /// What its holder has had of the core.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Counts a tick of the timer that found its holder running. For the interrupt handler.
    pub fn tick(&self, now: u64) -> Result<(), Overrun> {
        self.budget.tick(now)
    }

    /// Counts `bytes` of a new block, all of them before the first is mapped: another thread may ask meanwhile.
    pub fn charge_block(&self, bytes: usize) -> Result<(), OverLimit> {
        let limit =
            if planted(Bug::UnlimitedBlocks) { u64::MAX } else { self.shared.byte_limit.load(Relaxed) };
        let total = self.block_bytes().checked_add(bytes as u64).filter(|total| *total <= limit);
        self.shared.bytes.store(total.ok_or(OverLimit)?, Relaxed);
        self.awaited.store(self.awaited.load(Relaxed) + bytes as u64, Relaxed);
        Ok(())
    }

    /// Of what [`Account::charge_block`] counted, `bytes` are mapped now, and in the ledger.
    pub fn mapped(&self, bytes: usize) {
        self.awaited.store(self.awaited.load(Relaxed) - bytes as u64, Relaxed);
    }

    /// Of what [`Account::charge_block`] counted, `bytes` will not be mapped.
    pub fn give_up(&self, bytes: usize) {
        self.mapped(bytes);
        self.shared.bytes.store(self.block_bytes() - bytes as u64, Relaxed);
    }

    /// Its threads are gone: no block is in the making any more.
    pub fn give_up_all(&self) {
        self.give_up(self.awaited.load(Relaxed) as usize);
    }

    /// Counts a new channel.
    pub fn charge_channel(&self) -> Result<(), OverLimit> {
        let channels = self.channels.load(Relaxed);
        if channels >= self.channel_limit && !planted(Bug::UnlimitedChannels) {
            return Err(OverLimit);
        }
        self.channels.store(channels + 1, Relaxed);
        Ok(())
    }

    /// Takes back what [`Account::charge_block`] counted, or a receive. The reference may be no good afterwards.
    pub fn discharge_block(&'static self, bytes: usize) {
        self.shared.bytes.store(self.shared.bytes.load(Relaxed) - bytes as u64, Relaxed);
        self.settle();
    }

    /// Takes back what [`Account::charge_channel`] counted. The reference may be no good afterwards.
    pub fn discharge_channel(&'static self) {
        self.channels.store(self.channels.load(Relaxed) - 1, Relaxed);
        self.settle();
    }

    /// The SIP is gone. Others that are gone, and whose blocks have been received meanwhile, are settled on the way.
    pub fn close(&'static self) {
        self.orphaned.store(true, Relaxed);
        // SAFETY: it is in no list yet, and stays where it is until it is taken out.
        ORPHANS.lock().push_back(unsafe { UnsafeRef::from_raw(self) });
        if planted(Bug::EarlyAccount) {
            return self.free();
        }
        settle_oldest(ORPHANS_LOOKED_AT);
    }

    /// Frees it if nobody needs it any more.
    fn settle(&'static self) {
        let is_needed = !self.orphaned.load(Relaxed) || self.block_bytes() > 0 || self.channels() > 0;
        if !is_needed && !planted(Bug::LeakedAccount) {
            self.free();
        }
    }

    /// Frees an orphan, against which nothing counts.
    fn free(&'static self) {
        let mut orphans = ORPHANS.lock();
        // SAFETY: an orphan is in the list.
        unsafe { orphans.cursor_mut_from_ptr(self) }.remove();
        drop(orphans);
        // SAFETY: `open` allocated it with this layout; its SIP is gone, and nothing counts against it.
        unsafe {
            let memory = ptr::from_ref(self).cast_mut();
            memory.drop_in_place();
            dealloc(memory.cast(), Layout::new::<Account>());
        }
    }
}

/// Settles so many of the accounts that have been orphans for longest, or that were looked at longest ago.
fn settle_oldest(count: usize) {
    for _ in 0..count {
        let mut orphans = ORPHANS.lock();
        let Some(oldest) = orphans.pop_front() else { return };
        orphans.push_back(oldest.clone());
        drop(orphans);
        // SAFETY: it is in the list, so it is good.
        unsafe { &*UnsafeRef::into_raw(oldest) }.settle();
    }
}

/// Settles all orphans.
#[cfg(feature = "campaign")]
pub(crate) fn settle_all() {
    let count = ORPHANS.lock().iter().count();
    settle_oldest(count);
}
