//! What a SIP needs and offers, and how a system is put together from SIPs.
//!
//! A manifest is written by `rt::manifest!`, encoded as postcard while the image is compiled, and lies in the
//! image's section [`SECTION`]. The image builder, the loader and tools decode it.

mod difference;
mod encode;
mod wiring;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

pub use difference::Difference;
pub use encode::ManifestSpec;
pub use wiring::{Grant, Role, Supervised, Wiring};

use crate::channel::Shape;
use crate::endpoint::{Description, Side};
use crate::reach::Reach;
use crate::restart::Policy;

/// Name of the section that holds the manifest.
pub const SECTION: &str = ".entente.manifest";

/// Priority of a SIP whose manifest does not name one. Greater runs first, see [`MOST_PRIORITY`].
pub const DEFAULT_PRIORITY: u8 = 8;
/// Bytes of private memory of a SIP whose manifest does not name a limit.
pub const DEFAULT_MEMORY: u64 = 16 << 20;
/// Bytes of stack of a SIP whose manifest does not name a size.
pub const DEFAULT_STACK: u32 = 32 << 10;
/// Limit of the blocks of a SIP whose manifest does not name one, in bytes.
pub const DEFAULT_BLOCKS: u64 = 64 << 20;
/// Limit of the channels of a SIP whose manifest does not name one.
pub const DEFAULT_CHANNELS: u32 = 1024;
/// Limit of the threads of a SIP whose manifest does not name one.
pub const DEFAULT_THREADS: u32 = 8;
/// Percent of the core for a SIP whose manifest does not name it: all.
pub const DEFAULT_CPU_PERCENT: u8 = 100;

/// The greatest priority of a SIP. The least is 1; the kernel's threads are above all.
pub const MOST_PRIORITY: u8 = 29;

/// A priority that no SIP can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoSuchPriority(pub u8);

impl fmt::Display for NoSuchPriority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "its manifest asks for priority {}, and a process has one from 1 to {MOST_PRIORITY}",
            self.0
        )
    }
}

impl core::error::Error for NoSuchPriority {}

/// A SIP's manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`abi::HASH`](crate::abi::HASH) that the image was built against.
    pub abi: u64,
    /// The SIP's name.
    pub name: String,
    /// Services it offers.
    pub provides: Vec<Port>,
    /// Services it is connected to before it starts.
    pub uses: Vec<Port>,
    /// Limit of its private memory, in bytes: image, heap and stacks.
    pub memory: u64,
    /// Bytes of the stack of each of its threads.
    pub stack: u32,
    /// Priority of its threads.
    pub priority: u8,
    /// Limit of the blocks that count against it, in bytes.
    pub blocks: u64,
    /// Limit of the channels that count against it.
    pub channels: u32,
    /// Limit of its threads, the first among them.
    pub threads: u32,
    /// Percent of the core that it may have; from 100 on there is no limit.
    pub cpu_percent: u8,
    /// What its supervisor does when it has ended.
    pub policy: Policy,
}

impl Manifest {
    /// Looks whether the priority is one that a SIP can have.
    ///
    /// # Errors
    /// [`NoSuchPriority`] otherwise.
    pub fn check_priority(&self) -> Result<(), NoSuchPriority> {
        if (1..=MOST_PRIORITY).contains(&self.priority) { Ok(()) } else { Err(NoSuchPriority(self.priority)) }
    }
}

/// A service by name, with the contract it speaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Port {
    /// The service's name, one for the whole system.
    pub service: String,
    /// What is spoken.
    pub contract: ContractInfo,
}

/// A contract as far as binding and tools need it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContractInfo {
    /// The enum's name.
    pub name: String,
    /// Fingerprint, start state, and what a channel's memory depends on.
    pub shape: Shape,
    /// See [`Description::own`].
    pub own: u64,
    /// Names of the states, `End` last.
    pub states: Vec<String>,
    /// The messages with their fingerprints.
    pub messages: Vec<MessageInfo>,
    /// The contracts that it extends, the nearest first.
    pub bases: Vec<BaseInfo>,
    /// The contracts that it reaches through the endpoints in its messages, each once. The fingerprint covers them; the
    /// list says what differs where fingerprints do.
    pub carried: Vec<CarriedInfo>,
}

/// A contract that another one reaches through the endpoints in its messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarriedInfo {
    /// The enum's name.
    pub name: String,
    /// See [`Description::own`].
    pub own: u64,
    /// The messages with their fingerprints.
    pub messages: Vec<MessageInfo>,
}

/// A contract that another one extends, as far as binding needs it. Its messages and states are the extension's first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseInfo {
    /// The enum's name.
    pub name: String,
    /// See [`ContractInfo::shape`].
    pub shape: Shape,
    /// How many states it has, `End` not counted.
    pub states: u16,
}

/// A message as far as binding and tools need it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageInfo {
    /// The variant's name.
    pub name: String,
    /// Hash of sender, steps and layout, in which endpoints count by contract's name, side and state.
    pub fingerprint: u64,
    /// The side that sends it.
    pub sender: Side,
    /// From which state to which, indices into [`ContractInfo::states`].
    pub steps: Vec<(u16, u16)>,
    /// For a stream, how many messages may be in flight its way; 0 for any other message.
    pub window: u32,
    /// The contracts whose endpoints it can hold, in the order of its layout: 0 is the [`ContractInfo`] that it is part of,
    /// n the n-th of its [`ContractInfo::carried`].
    pub carries: Vec<u16>,
}

impl ContractInfo {
    /// What a channel is like whose client has this fingerprint and whose server speaks this contract; none if they
    /// cannot talk. The client's contract is this one or one that it extends.
    pub fn shape_for(&self, client: u64) -> Option<&Shape> {
        let bases = self.bases.iter().map(|base| &base.shape);
        core::iter::once(&self.shape).chain(bases).find(|shape| shape.fingerprint == client)
    }

    /// Names of the contracts whose endpoints a message can hold.
    pub fn carried_by<'a>(&'a self, message: &'a MessageInfo) -> impl Iterator<Item = &'a str> {
        message.carries.iter().filter_map(|number| match usize::from(*number).checked_sub(1) {
            None => Some(self.name.as_str()),
            Some(index) => self.carried.get(index).map(|carried| carried.name.as_str()),
        })
    }
}

impl From<&'static Description> for ContractInfo {
    fn from(description: &'static Description) -> Self {
        let reach = Reach::of(description);
        ContractInfo {
            name: description.name.into(),
            shape: Shape::of(description),
            own: description.own,
            states: description.states.iter().map(|state| state.name.into()).collect(),
            messages: messages(description, &reach),
            bases: core::iter::successors(description.base, |base| base.base)
                .map(|base| BaseInfo {
                    name: base.name.into(),
                    shape: Shape::of(base),
                    states: base.states.len() as u16 - 1,
                })
                .collect(),
            carried: reach.members()[1..]
                .iter()
                .map(|carried| CarriedInfo {
                    name: carried.name.into(),
                    own: carried.own,
                    messages: messages(carried, &reach),
                })
                .collect(),
        }
    }
}

fn messages(contract: &Description, reach: &Reach) -> Vec<MessageInfo> {
    let carried_by = |message: usize| {
        let (start, end) = contract.carried_by(message);
        contract.carries[start..end].iter().map(|carried| reach.number(carried.contract) as u16).collect()
    };
    let messages = contract.messages.iter().enumerate().map(|(number, message)| MessageInfo {
        name: message.name.into(),
        fingerprint: message.fingerprint,
        sender: message.sender,
        steps: message.steps.into(),
        window: message.window,
        carries: carried_by(number),
    });
    messages.collect()
}

#[cfg(test)]
mod tests;
