//! Bugs on purpose, one in each mechanism that reclaims what a SIP had. They are there only with the feature `campaign`,
//! which nothing that ships has: a campaign that finds none of them would find no other.

use core::sync::atomic::AtomicU8;
use core::sync::atomic::Ordering::Relaxed;

use crate::Exchange;

macro_rules! bugs {
    ($($(#[$meaning:meta])+ $bug:ident,)+) => {
        /// What is done wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Exchange)]
        #[repr(u8)]
        pub enum Bug {
            $($(#[$meaning])+ $bug,)+
        }

        /// All of them, each at its number.
        pub const BUGS: &[Bug] = &[$(Bug::$bug,)+];
    };
}

bugs! {
    /// Nothing.
    None,
    // What a SIP has, and where that is noted.
    /// A SIP does not mark what it receives in its account.
    UnmarkedReceive,
    /// What is new, a block or a channel, is not marked in its holder's account.
    UnmarkedNew,
    /// A client that the kernel connects is not marked in the provider's account.
    UnmarkedClient,
    /// A receive is no step: it can be cut short between the tags and the slot.
    TornReceive,
    /// A send is no step.
    TornSend,
    // What a close does.
    /// The peer of an end that is closed is not told.
    SilentClose,
    /// A channel is freed with what undelivered messages carry.
    Undrained,
    /// An endpoint in a message that nobody will receive stays open.
    UnclosedGift,
    /// A close takes what was sent before with it.
    DroppedLast,
    /// A channel counts against its account for ever.
    Uncounted,
    // Sets.
    /// The sets of a SIP that has ended are kept.
    LastingSet,
    /// A set that its holder closes is kept.
    KeptSet,
    /// Clients whom the provider has not seen stay connected to a set that is closed.
    StrandedClient,
    /// Of the ends that have news the last is served first.
    LastServedFirst,
    /// An end that has news when it joins a set is not listed there.
    ForgottenMember,
    // Threads.
    /// A thread that is ended stays among the sleepers.
    ForgottenSleeper,
    /// A thread that was woken before its time stays among the sleepers.
    LastingSleeper,
    /// A thread that is ended and woken once more stays in the queue when it is freed.
    WokenDead,
    /// The stack of a thread that has left stays mapped.
    LeakedStack,
    /// The slot of the stack of a thread that has left is not given back.
    TakenSlot,
    /// The kernel asks for no room on the caller's stack.
    NoHeadroom,
    /// Of what a preempted thread had in vector registers nothing is kept.
    LostVectors,
    /// A preempted thread goes on before others of its priority.
    NoRoundRobin,
    /// Threads of all SIPs have the same priority.
    OnePriority,
    // Limits.
    /// A SIP may use any time.
    UnlimitedTime,
    /// A SIP may have any private memory.
    UnlimitedMemory,
    /// A SIP may allocate any blocks.
    UnlimitedBlocks,
    /// A SIP may receive any blocks.
    UnlimitedGifts,
    /// A SIP may make any channels.
    UnlimitedChannels,
    /// A SIP may start any threads.
    UnlimitedThreads,
    // Domains.
    /// The place of a shadow that is needed no more is not used again.
    LeakedShadow,
    /// A handle that was given back is not used again.
    LeakedHandle,
    /// A block stays mapped in a domain that has it no more.
    MappedBlock,
    // Memory.
    /// A page of a SIP's window is not given back.
    LeakedPage,
    /// Pages that were mapped before memory ran out stay mapped.
    HalfMapped,
    /// The kernel's heap gets nothing of the reserve.
    NoReserve,
    /// What is mapped in a domain's space when it ends stays so.
    LeakedSpace,
    /// An image is kept when the last SIP that runs it has ended.
    LeakedImage,
    /// With a SIP go the frames that it has in common with others.
    FreedShared,
    // Accounts.
    /// An account is kept when nothing counts against it any more.
    LeakedAccount,
    /// An account goes with its SIP, whatever counts against it.
    EarlyAccount,
    // What is said of an end.
    /// Nobody is told that a SIP has ended.
    UntoldEnd,
    /// What is recorded of an end can be read only when the next one is.
    LateRecord,
    /// What a SIP had is recorded when it has been taken away.
    EmptyRecord,
    /// No lines of the log are recorded.
    LostLines,
    /// The states of channels are recorded as they were in the beginning.
    WrongState,
    // Supervision.
    /// A process that failed is started again at once.
    NoBackOff,
    /// A process that fails again and again is started again for ever.
    NeverGivenUp,
    // Services.
    /// A SIP's services are not withdrawn when it ends.
    LastingService,
    /// A service is not withdrawn when its provider closes the set.
    StaleService,
}

static PLANTED: AtomicU8 = AtomicU8::new(0);

/// Plants a bug in this image, in place of one planted before. Without the feature nothing happens.
pub fn plant(bug: Bug) {
    PLANTED.store(bug as u8, Relaxed);
}

/// Whether this bug was planted in this image.
#[inline(always)]
pub fn planted(bug: Bug) -> bool {
    cfg!(feature = "campaign") && PLANTED.load(Relaxed) == bug as u8
}

/// Plants the bug that the argument of a process names behind its order, as `ORDER bug N`, in this image. Returns the order. A
/// number that is none plants nothing.
pub fn plant_by(argument: &str) -> &str {
    let (order, bug) = argument.split_once(" bug ").unwrap_or((argument, ""));
    let bug = bug.parse().ok().and_then(|number: usize| BUGS.get(number));
    plant(bug.copied().unwrap_or(Bug::None));
    order
}
