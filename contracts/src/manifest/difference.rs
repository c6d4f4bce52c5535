//! What keeps a user and a provider of a contract apart, in words.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::{ContractInfo, MessageInfo};

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
    /// The messages are the same; states or depths differ, or only one extends another contract.
    States,
    /// Both have the message, and the contract of an endpoint that it carries differs.
    Carried {
        /// The message.
        message: String,
        /// The contract of the endpoint.
        contract: String,
        /// How that one differs.
        difference: Box<Difference>,
    },
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
            Difference::States => f.write_str("the states or the base differ"),
            Difference::Carried { message, contract, difference } => {
                write!(f, "message {message} carries {contract}, in which {difference}")
            }
        }
    }
}

/// A contract among those that a [`ContractInfo`] describes.
struct Member<'a> {
    name: &'a str,
    own: u64,
    messages: &'a [MessageInfo],
}

impl<'a> Member<'a> {
    /// The contract with this number in `info`, as in [`MessageInfo::carries`].
    fn of(info: &'a ContractInfo, number: u16) -> Option<Self> {
        Some(match usize::from(number).checked_sub(1) {
            None => Member { name: &info.name, own: info.own, messages: &info.messages },
            Some(index) => {
                let carried = info.carried.get(index)?;
                Member { name: &carried.name, own: carried.own, messages: &carried.messages }
            }
        })
    }

    fn message(&self, name: &str) -> Option<&'a MessageInfo> {
        self.messages.iter().find(|message| message.name == name)
    }

    /// How a user's contract differs from the provider's, but for what they carry. One may extend the other.
    fn difference(&self, provided: &Member<'_>) -> Option<Difference> {
        for message in self.messages {
            match provided.message(&message.name) {
                Some(other) if other.fingerprint == message.fingerprint => {}
                Some(_) => return Some(Difference::Message(message.name.clone())),
                None => return Some(Difference::OnlyUsed(message.name.clone())),
            }
        }
        if self.name != provided.name {
            return None;
        }
        match provided.messages.iter().find(|message| self.message(&message.name).is_none()) {
            Some(unknown) => Some(Difference::OnlyProvided(unknown.name.clone())),
            None => (self.own != provided.own).then_some(Difference::States),
        }
    }
}

/// Two contracts that a user and a provider take for the same.
struct Pair<'a> {
    used: u16,
    provided: u16,
    /// The pair whose message carries them, and that message.
    carrier: Option<(usize, &'a MessageInfo)>,
}

impl ContractInfo {
    /// What keeps a user of `self` from talking to a provider of `provided`; none if the fingerprints agree, or if the
    /// provider's contract extends the user's. All of the shape is compared: one of them may be a forger's, and who talks on a
    /// channel goes by the shape that its own compiler knew.
    pub fn difference(&self, provided: &ContractInfo) -> Option<Difference> {
        if provided.shape_for(self.shape.fingerprint) == Some(&self.shape) {
            return None;
        }
        // What extends or is extended is compared message by message, like versions of one contract.
        let kin = |info: &ContractInfo, name: &str| {
            info.name == name || info.bases.iter().any(|base| base.name == name)
        };
        if !kin(self, &provided.name) && !kin(provided, &self.name) {
            return Some(Difference::Name { used: self.name.clone(), provided: provided.name.clone() });
        }
        Some(self.first_difference(provided).unwrap_or(Difference::States))
    }

    /// The first difference, with the least steps through messages that carry what differs.
    fn first_difference(&self, provided: &ContractInfo) -> Option<Difference> {
        let mut pairs = Vec::from([Pair { used: 0, provided: 0, carrier: None }]);
        let mut next = 0;
        while let Some(pair) = pairs.get(next) {
            let (used, other) = (Member::of(self, pair.used)?, Member::of(provided, pair.provided)?);
            if let Some(difference) = used.difference(&other) {
                return Some(self.carried_difference(&pairs, pair, difference));
            }
            for message in used.messages {
                let carries = other.message(&message.name).map_or(&[][..], |other| &other.carries);
                for (used, provided) in message.carries.iter().copied().zip(carries.iter().copied()) {
                    if !pairs.iter().any(|pair| (pair.used, pair.provided) == (used, provided)) {
                        pairs.push(Pair { used, provided, carrier: Some((next, message)) });
                    }
                }
            }
            next += 1;
        }
        None
    }

    /// A difference as seen from the contract whose messages lead to it.
    fn carried_difference(&self, pairs: &[Pair<'_>], pair: &Pair<'_>, difference: Difference) -> Difference {
        let (mut pair, mut difference) = (pair, difference);
        while let (Some((carrier, message)), Some(used)) = (pair.carrier, Member::of(self, pair.used)) {
            let (message, contract) = (message.name.clone(), used.name.into());
            difference = Difference::Carried { message, contract, difference: Box::new(difference) };
            pair = &pairs[carrier];
        }
        difference
    }
}
