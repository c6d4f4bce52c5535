//! A manifest encoded in a constant.

use core::time::Duration;

use crate::abi;
use crate::channel::Shape;
use crate::endpoint::Description;
use crate::reach::Reach;
use crate::restart::Policy;

/// A manifest as a constant, before it is encoded.
#[derive(Debug)]
pub struct ManifestSpec {
    /// See [`super::Manifest::name`].
    pub name: &'static str,
    /// See [`super::Manifest::provides`].
    pub provides: &'static [(&'static str, &'static Description)],
    /// See [`super::Manifest::uses`].
    pub uses: &'static [(&'static str, &'static Description)],
    /// See [`super::Manifest::memory`].
    pub memory: u64,
    /// See [`super::Manifest::stack`].
    pub stack: u32,
    /// See [`super::Manifest::priority`].
    pub priority: u8,
    /// See [`super::Manifest::blocks`].
    pub blocks: u64,
    /// See [`super::Manifest::channels`].
    pub channels: u32,
    /// See [`super::Manifest::threads`].
    pub threads: u32,
    /// See [`super::Manifest::cpu_percent`].
    pub cpu_percent: u8,
    /// See [`super::Manifest::policy`].
    pub policy: Policy,
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
        let writer = writer.number(self.blocks).number(self.channels as u64).number(self.threads as u64);
        writer.byte(self.cpu_percent).policy(self.policy)
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

    const fn duration(self, duration: Duration) -> Self {
        self.number(duration.as_secs()).number(duration.subsec_nanos() as u64)
    }

    const fn policy(self, policy: Policy) -> Self {
        let writer = self.number(policy.restart as u64);
        let writer = writer.duration(policy.back_off).duration(policy.back_off_cap);
        writer.number(policy.give_up_after as u64).duration(policy.give_up_within)
    }

    const fn ports(mut self, ports: &[(&str, &'static Description)]) -> Self {
        self = self.number(ports.len() as u64);
        let mut i = 0;
        while i < ports.len() {
            self = self.text(ports[i].0).contract(ports[i].1);
            i += 1;
        }
        self
    }

    const fn contract(mut self, contract: &'static Description) -> Self {
        let reach = Reach::of(contract);
        self = self.text(contract.name).shape(contract).number(contract.own);
        self = self.number(contract.states.len() as u64);
        let mut i = 0;
        while i < contract.states.len() {
            self = self.text(contract.states[i].name);
            i += 1;
        }
        self = self.messages(contract, &reach);
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
        let members = reach.members();
        self = self.number(members.len() as u64 - 1);
        i = 1;
        while i < members.len() {
            self = self.text(members[i].name).number(members[i].own).messages(members[i], &reach);
            i += 1;
        }
        self
    }

    const fn messages(mut self, contract: &Description, reach: &Reach) -> Self {
        self = self.number(contract.messages.len() as u64);
        let mut i = 0;
        while i < contract.messages.len() {
            self = self.message(contract, i, reach);
            i += 1;
        }
        self
    }

    const fn message(mut self, contract: &Description, number: usize, reach: &Reach) -> Self {
        let message = &contract.messages[number];
        self = self.text(message.name).number(message.fingerprint).number(message.sender as u64);
        self = self.number(message.steps.len() as u64);
        let mut i = 0;
        while i < message.steps.len() {
            self = self.number(message.steps[i].0 as u64).number(message.steps[i].1 as u64);
            i += 1;
        }
        let (start, end) = contract.carried_by(number);
        self = self.number(message.window as u64).number((end - start) as u64);
        i = start;
        while i < end {
            self = self.number(reach.number(contract.carries[i].contract) as u64);
            i += 1;
        }
        self
    }

    const fn shape(self, contract: &'static Description) -> Self {
        let Shape { fingerprint, start, depth, body } = Shape::of(contract);
        let writer = self.number(fingerprint).number(start as u64);
        let writer = writer.number(depth[0] as u64).number(depth[1] as u64);
        writer.number(body[0] as u64).number(body[1] as u64)
    }
}
