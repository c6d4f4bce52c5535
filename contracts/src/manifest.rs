//! What a SIP needs and offers, and how a system is put together from SIPs.
//!
//! A manifest is written by `rt::manifest!`, encoded as postcard while the image is compiled, and lies in the
//! image's section [`SECTION`]. The image builder, the loader and tools decode it.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::abi;
use crate::channel::Shape;
use crate::endpoint::{Description, MessageDescription, Side};

/// Name of the section that holds the manifest.
pub const SECTION: &str = ".entente.manifest";

/// Priority of a SIP whose manifest does not name one. Greater runs first; the least is 1.
pub const DEFAULT_PRIORITY: u8 = 8;
/// Bytes of private memory of a SIP whose manifest does not name a limit.
pub const DEFAULT_MEMORY: u64 = 16 << 20;
/// Bytes of stack of a SIP whose manifest does not name a size.
pub const DEFAULT_STACK: u32 = 32 << 10;
/// Limit of the blocks of a SIP whose manifest does not name one, in bytes.
pub const DEFAULT_BLOCKS: u64 = 64 << 20;
/// Limit of the channels of a SIP whose manifest does not name one.
pub const DEFAULT_CHANNELS: u32 = 1024;
/// Percent of the core for a SIP whose manifest does not name it: all.
pub const DEFAULT_CPU_PERCENT: u8 = 100;

/// A SIP's manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`abi::HASH`] that the image was built against.
    pub abi: u64,
    /// The SIP's name.
    pub name: String,
    /// Services it offers.
    pub provides: Vec<Port>,
    /// Services it is connected to before it starts.
    pub uses: Vec<Port>,
    /// Limit of its private memory, in bytes: image, heap and stacks.
    pub memory: u64,
    /// Bytes of its first thread's stack.
    pub stack: u32,
    /// Priority of its threads.
    pub priority: u8,
    /// Limit of the blocks that count against it, in bytes.
    pub blocks: u64,
    /// Limit of the channels that count against it.
    pub channels: u32,
    /// Percent of the core that it may have; from 100 on there is no limit.
    pub cpu_percent: u8,
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
    /// Names of the states, `End` last.
    pub states: Vec<String>,
    /// The messages with their fingerprints.
    pub messages: Vec<MessageInfo>,
    /// The contracts that it extends, the nearest first.
    pub bases: Vec<BaseInfo>,
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
    /// Hash of sender, steps and layout.
    pub fingerprint: u64,
    /// The side that sends it.
    pub sender: Side,
    /// From which state to which, indices into [`ContractInfo::states`].
    pub steps: Vec<(u16, u16)>,
    /// For a stream, how many messages may be in flight its way; 0 for any other message.
    pub window: u32,
}

/// How two versions of a contract differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// They are different contracts.
    Name {
        /// The user's contract.
        used: String,
        /// The provider's contract.
        provided: String,
    },
    /// A message has another sender, other steps or another layout.
    Message(String),
    /// Only the user knows the message.
    OnlyUsed(String),
    /// Only the provider knows the message.
    OnlyProvided(String),
    /// The messages are the same; states or depths differ.
    States,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Difference::Name { used, provided } => {
                write!(f, "the contract is {used} here and {provided} at the provider")
            }
            Difference::Message(name) => write!(f, "message {name} differs"),
            Difference::OnlyUsed(name) => write!(f, "the provider does not know message {name}"),
            Difference::OnlyProvided(name) => write!(f, "message {name} is known to the provider only"),
            Difference::States => f.write_str("the states differ"),
        }
    }
}

impl ContractInfo {
    /// What a channel is like whose client has this fingerprint and whose server speaks this contract; none if they
    /// cannot talk. The client's contract is this one or one that it extends.
    pub fn shape_for(&self, client: u64) -> Option<&Shape> {
        let bases = self.bases.iter().map(|base| &base.shape);
        core::iter::once(&self.shape).chain(bases).find(|shape| shape.fingerprint == client)
    }

    /// What keeps a user of `self` from talking to a provider of `provided`; none if the fingerprints agree, or if the
    /// provider's contract extends the user's.
    pub fn difference(&self, provided: &ContractInfo) -> Option<Difference> {
        if provided.shape_for(self.shape.fingerprint).is_some() {
            return None;
        }
        // What extends or is extended is compared message by message, like versions of one contract.
        let kin = |info: &ContractInfo, name: &str| {
            info.name == name || info.bases.iter().any(|base| base.name == name)
        };
        if !kin(self, &provided.name) && !kin(provided, &self.name) {
            return Some(Difference::Name { used: self.name.clone(), provided: provided.name.clone() });
        }
        let find = |info: &ContractInfo, name: &str| {
            info.messages.iter().find(|message| message.name == name).map(|message| message.fingerprint)
        };
        for message in &self.messages {
            match find(provided, &message.name) {
                Some(fingerprint) if fingerprint == message.fingerprint => {}
                Some(_) => return Some(Difference::Message(message.name.clone())),
                None => return Some(Difference::OnlyUsed(message.name.clone())),
            }
        }
        if self.name != provided.name {
            return Some(Difference::States);
        }
        let unknown = provided.messages.iter().find(|message| find(self, &message.name).is_none());
        Some(unknown.map_or(Difference::States, |message| Difference::OnlyProvided(message.name.clone())))
    }
}

impl From<&Description> for ContractInfo {
    fn from(description: &Description) -> Self {
        ContractInfo {
            name: description.name.into(),
            shape: Shape::of(description),
            states: description.states.iter().map(|state| state.name.into()).collect(),
            messages: description
                .messages
                .iter()
                .map(|message| MessageInfo {
                    name: message.name.into(),
                    fingerprint: message.fingerprint,
                    sender: message.sender,
                    steps: message.steps.into(),
                    window: message.window,
                })
                .collect(),
            bases: core::iter::successors(description.base, |base| base.base)
                .map(|base| BaseInfo {
                    name: base.name.into(),
                    shape: Shape::of(base),
                    states: base.states.len() as u16 - 1,
                })
                .collect(),
        }
    }
}

/// How a system is put together: the image builder writes it, the kernel follows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wiring {
    /// The SIPs to start when the system boots, in this order.
    pub start: Vec<String>,
}

/// A manifest as a constant, before it is encoded.
#[derive(Debug)]
pub struct ManifestSpec {
    /// See [`Manifest::name`].
    pub name: &'static str,
    /// See [`Manifest::provides`].
    pub provides: &'static [(&'static str, &'static Description)],
    /// See [`Manifest::uses`].
    pub uses: &'static [(&'static str, &'static Description)],
    /// See [`Manifest::memory`].
    pub memory: u64,
    /// See [`Manifest::stack`].
    pub stack: u32,
    /// See [`Manifest::priority`].
    pub priority: u8,
    /// See [`Manifest::blocks`].
    pub blocks: u64,
    /// See [`Manifest::channels`].
    pub channels: u32,
    /// See [`Manifest::cpu_percent`].
    pub cpu_percent: u8,
}

impl ManifestSpec {
    /// Bytes that [`ManifestSpec::encode`] needs.
    pub const fn encoded_length(&self) -> usize {
        self.write(Writer::<0> { bytes: [], length: 0 }).length
    }

    /// The manifest as postcard; `N` is [`ManifestSpec::encoded_length`]. Postcard's own encoder cannot run in
    /// a constant.
    pub const fn encode<const N: usize>(&self) -> [u8; N] {
        self.write(Writer::<N> { bytes: [0; N], length: 0 }).bytes
    }

    const fn write<const N: usize>(&self, writer: Writer<N>) -> Writer<N> {
        let writer = writer.number(abi::HASH).text(self.name).ports(self.provides).ports(self.uses);
        let writer = writer.number(self.memory).number(self.stack as u64).byte(self.priority);
        writer.number(self.blocks).number(self.channels as u64).byte(self.cpu_percent)
    }
}

/// Postcard's wire format: integers as varints of seven bits a byte, texts and sequences behind their length, a
/// `u8` as it is. <https://postcard.jamesmunns.com/wire-format>
struct Writer<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> Writer<N> {
    const fn byte(mut self, byte: u8) -> Self {
        if self.length < N {
            self.bytes[self.length] = byte;
        }
        self.length += 1;
        self
    }

    const fn number(mut self, mut value: u64) -> Self {
        while value >= 0x80 {
            self = self.byte(value as u8 | 0x80);
            value >>= 7;
        }
        self.byte(value as u8)
    }

    const fn text(mut self, text: &str) -> Self {
        let bytes = text.as_bytes();
        self = self.number(bytes.len() as u64);
        let mut i = 0;
        while i < bytes.len() {
            self = self.byte(bytes[i]);
            i += 1;
        }
        self
    }

    const fn ports(mut self, ports: &[(&str, &Description)]) -> Self {
        self = self.number(ports.len() as u64);
        let mut i = 0;
        while i < ports.len() {
            self = self.text(ports[i].0).contract(ports[i].1);
            i += 1;
        }
        self
    }

    const fn contract(mut self, contract: &Description) -> Self {
        self = self.text(contract.name).shape(contract);
        self = self.number(contract.states.len() as u64);
        let mut i = 0;
        while i < contract.states.len() {
            self = self.text(contract.states[i].name);
            i += 1;
        }
        self = self.number(contract.messages.len() as u64);
        i = 0;
        while i < contract.messages.len() {
            self = self.message(&contract.messages[i]);
            i += 1;
        }
        let mut bases = 0;
        let mut base = contract.base;
        while let Some(description) = base {
            bases += 1;
            base = description.base;
        }
        self = self.number(bases);
        base = contract.base;
        while let Some(description) = base {
            self = self.text(description.name).shape(description).number(description.states.len() as u64 - 1);
            base = description.base;
        }
        self
    }

    const fn message(mut self, message: &MessageDescription) -> Self {
        self = self.text(message.name).number(message.fingerprint).number(message.sender as u64);
        self = self.number(message.steps.len() as u64);
        let mut i = 0;
        while i < message.steps.len() {
            self = self.number(message.steps[i].0 as u64).number(message.steps[i].1 as u64);
            i += 1;
        }
        self.number(message.window as u64)
    }

    const fn shape(self, contract: &Description) -> Self {
        let Shape { fingerprint, start, depth, body } = Shape::of(contract);
        let writer = self.number(fingerprint).number(start as u64);
        let writer = writer.number(depth[0] as u64).number(depth[1] as u64);
        writer.number(body[0] as u64).number(body[1] as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::StateDescription;

    static TALK: Description = Description {
        name: "Talk",
        fingerprint: u64::MAX - 1,
        start: 0,
        states: &[
            StateDescription { name: "Idle", speaker: Some(Side::Client) },
            StateDescription { name: "End", speaker: None },
        ],
        messages: &[MessageDescription {
            name: "Say",
            fingerprint: 300,
            sender: Side::Client,
            steps: &[(0, 1)],
            body_size: 129,
            body_align: 8,
            window: 0,
        }],
        depth_to_server: 1,
        depth_to_client: 0,
        base: Some(&HELLO),
    };

    static HELLO: Description = Description {
        name: "Hello",
        fingerprint: 77,
        start: 0,
        states: &[
            StateDescription { name: "Idle", speaker: Some(Side::Client) },
            StateDescription { name: "End", speaker: None },
        ],
        messages: &[],
        depth_to_server: 200,
        depth_to_client: 3,
        base: None,
    };

    #[test]
    fn a_manifest_encoded_in_a_constant_is_what_postcard_writes() {
        const SPEC: ManifestSpec = ManifestSpec {
            name: "talker",
            provides: &[("talk", &TALK)],
            uses: &[("talk", &TALK), ("other", &TALK)],
            memory: 1 << 20,
            stack: 65536,
            priority: 200,
            blocks: 1 << 40,
            channels: 1000,
            cpu_percent: 130,
        };
        let port = |service: &str| Port { service: service.into(), contract: ContractInfo::from(&TALK) };
        let manifest = Manifest {
            abi: abi::HASH,
            name: "talker".into(),
            provides: [port("talk")].into(),
            uses: [port("talk"), port("other")].into(),
            memory: 1 << 20,
            stack: 65536,
            priority: 200,
            blocks: 1 << 40,
            channels: 1000,
            cpu_percent: 130,
        };
        const LENGTH: usize = SPEC.encoded_length();
        assert_eq!(SPEC.encode::<LENGTH>().as_slice(), postcard::to_allocvec(&manifest).expect("it encodes"));
        assert_eq!(postcard::from_bytes(&SPEC.encode::<LENGTH>()), Ok(manifest));
    }

    #[test]
    fn a_difference_names_the_message_that_differs() {
        let here = ContractInfo::from(&TALK);
        let mut there = here.clone();
        assert_eq!(here.difference(&there), None);
        there.shape.fingerprint = 1;
        assert_eq!(here.difference(&there), Some(Difference::States));
        there.messages[0].fingerprint = 1;
        assert_eq!(here.difference(&there), Some(Difference::Message("Say".into())));
        there.messages[0].name = "Tell".into();
        assert_eq!(here.difference(&there), Some(Difference::OnlyUsed("Say".into())));
    }
    #[test]
    fn a_user_of_a_base_can_talk_to_a_provider_of_its_extension_and_not_the_reverse() {
        let (base, extension) = (ContractInfo::from(&HELLO), ContractInfo::from(&TALK));
        assert_eq!(base.difference(&extension), None);
        assert_eq!(extension.shape_for(77), Some(&base.shape), "the channel is the user's");
        assert_eq!(extension.difference(&base), Some(Difference::OnlyUsed("Say".into())));
        let mut stranger = base.clone();
        (stranger.name, stranger.shape.fingerprint) = ("Other".into(), 5);
        let names = Difference::Name { used: "Other".into(), provided: "Talk".into() };
        assert_eq!(stranger.difference(&extension), Some(names));
    }
}
