//! Misfortune to order, for tests: only a kernel that was built for the campaign of `tests/` provides it.
//!
//! ```text
//! Ready --?Strike--> Striking --!Aimed--> Ready
//!                    Striking --!NoSuchProcess--> Ready
//! Ready --?Count--> Counting --!Counted--> Ready
//! Ready --?Starve--> Starving --!Starved--> Ready
//! Ready --?Feed--> Feeding --!Fed--> Ready
//! Ready --?Plant--> Planting --!Planted--> Ready
//! Ready --?Trim--> Trimming --!Trimmed--> Ready
//! ```

use crate::sabotage::Bug;
use crate::{Contract, Exchange};

/// Strikes SIPs at an instruction, and makes the kernel a worse one.
#[derive(Contract)]
#[contract(start = Ready)]
pub enum Injector {
    /// Counts a SIP's instructions from now on, and strikes at one. Only its own code counts, where it may be preempted:
    /// not the kernel's, and not that of a step that is not to be interrupted. One SIP is counted at a time, which is at rest
    /// now.
    #[client(Ready => Striking)]
    Strike {
        /// The SIP's number.
        sip: u32,
        /// How many instructions it executes before.
        after: u64,
        /// What happens then.
        blow: Blow,
    },
    /// It will happen.
    #[server(Striking => Ready)]
    Aimed,
    /// No SIP of that number runs.
    #[server(Striking => Ready)]
    NoSuchProcess,
    /// Asks how far the SIP has come that was struck at last.
    #[client(Ready => Counting)]
    Count,
    /// So far.
    #[server(Counting => Ready)]
    Counted {
        /// Instructions that it has executed.
        instructions: u64,
        /// Blows that have fallen.
        blows: u64,
    },
    /// Refuses memory to a SIP or to the kernel's threads from now on: to what asks for a frame, a block, or admission.
    #[client(Ready => Starving)]
    Starve {
        /// The SIP's number; 0 is the kernel.
        sip: u32,
        /// How often memory is given before.
        after: u64,
        /// How often it is refused.
        famine: Famine,
    },
    /// So it is.
    #[server(Starving => Ready)]
    Starved,
    /// Memory is not refused any more.
    #[client(Ready => Feeding)]
    Feed,
    /// What happened since.
    #[server(Feeding => Ready)]
    Fed {
        /// How often memory was asked for.
        asked: u64,
        /// How often it was refused.
        refused: u64,
    },
    /// Plants a bug in the kernel, in place of one planted before.
    #[client(Ready => Planting)]
    Plant {
        /// The bug.
        bug: Bug,
    },
    /// It is there.
    #[server(Planting => Ready)]
    Planted,
    /// Has the kernel give back what it keeps for the next time only.
    #[client(Ready => Trimming)]
    Trim,
    /// What it cannot give back, and what no other sum shows.
    #[server(Trimming => Ready)]
    Trimmed {
        /// All that.
        kept: Kept,
    },
}

/// What happens to a SIP at an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Exchange)]
#[repr(u8)]
pub enum Blow {
    /// It is ended, as by [`System::Kill`](super::system::System::Kill).
    Kill,
    /// The same, while the kernel does something for it: what is counted are the points at which the kernel lets others run
    /// before it goes on with what takes long.
    KillInKernel,
    /// The core is taken from it, and again after as many instructions more.
    Preempt,
}

/// How long memory is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Exchange)]
#[repr(u8)]
pub enum Famine {
    /// Once.
    Once,
    /// Until the next [`Injector::Feed`].
    Lasting,
    /// Until then, and not by order: from that request on there is nothing but what the kernel keeps in reserve for what it
    /// has begun, not even holes in its heap.
    Drained,
}

/// What the kernel keeps of what it had for processes that are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Exchange)]
#[repr(C)]
pub struct Kept {
    /// Frames that the kernel's heap has, in use or not, with their page tables: it does not shrink.
    pub heap_frames: u64,
    /// Bytes of that heap, in use, that are tables with room for more than is in them: they do not shrink either.
    pub table_bytes: u64,
    /// Windows and stacks of the kernel's that are taken.
    pub slots: u64,
    /// Processes that run or have ended and are not reclaimed.
    pub processes: u64,
}
