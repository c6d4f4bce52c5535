//! What a contract reaches through the endpoints that its messages carry, and the fingerprint that covers it.
//!
//! Contracts may refer to themselves and to each other: the description of each is a static, and statics may refer to
//! each other where constants may not. A constant on the way ([`Form`]) holds such a reference unread.

use core::mem::MaybeUninit;

use crate::endpoint::{CarriedContract, Description};
use crate::fingerprint::{SEED, mix};
use crate::form::Form;
use crate::generated::Field;

/// Most contracts that one contract reaches, itself included.
pub const MOST: usize = 64;

/// A reference to a contract's description which rustc does not follow when it checks a constant that holds it.
#[derive(Clone, Copy, Debug)]
pub struct Described(MaybeUninit<&'static Description>);

impl Described {
    /// Wraps the reference.
    pub const fn new(description: &'static Description) -> Self {
        Described(MaybeUninit::new(description))
    }

    /// The reference. Not for what the static behind it is made of: that would be a cycle.
    pub const fn get(self) -> &'static Description {
        // SAFETY: `new` alone makes one, and puts a reference in.
        unsafe { self.0.assume_init() }
    }
}

impl Description {
    /// What a message carries: the first of [`Description::carries`], and the first behind it.
    pub(crate) const fn carried_by(&self, message: usize) -> (usize, usize) {
        let mut start = 0;
        while start < self.carries.len() && (self.carries[start].message as usize) < message {
            start += 1;
        }
        let mut end = start;
        while end < self.carries.len() && self.carries[end].message as usize == message {
            end += 1;
        }
        (start, end)
    }
}

/// Contracts in the order in which messages carry them. Counts also those beyond the `N` that it has room for.
pub(crate) struct List<const N: usize> {
    pub(crate) entries: [CarriedContract; N],
    pub(crate) length: usize,
}

/// Fills a list's places until they are taken.
static UNFILLED: Description = Description {
    name: "",
    own: 0,
    place: 0,
    start: 0,
    states: &[],
    messages: &[],
    carries: &[],
    depth_to_server: 0,
    depth_to_client: 0,
    base: None,
};

impl<const N: usize> List<N> {
    /// What these messages carry, in the order of the messages, and within each of its layout.
    pub(crate) const fn of(messages: &[Form]) -> Self {
        let unfilled = CarriedContract { message: 0, contract: &UNFILLED };
        let mut list = List { entries: [unfilled; N], length: 0 };
        let mut message = 0;
        while message < messages.len() {
            list = list.add(message as u16, messages[message]);
            message += 1;
        }
        list
    }

    const fn add(mut self, message: u16, form: Form) -> Self {
        match form {
            Form::Bytes | Form::Bool | Form::Char | Form::Utf8 { .. } => self,
            // Its contract is compared when it is downcast.
            Form::Any => self,
            Form::Endpoint { contract, .. } => {
                if self.length < N {
                    self.entries[self.length] = CarriedContract { message, contract: contract.get() };
                }
                self.length += 1;
                self
            }
            Form::Row { element, .. } | Form::Block { element, .. } => self.add(message, element.form()),
            Form::Fields(fields) => self.add_fields(message, fields),
            Form::Variants(_, variants) => {
                let mut i = 0;
                while i < variants.len() {
                    self = self.add_fields(message, variants[i].2);
                    i += 1;
                }
                self
            }
        }
    }

    const fn add_fields(mut self, message: u16, fields: &[Field]) -> Self {
        let mut i = 0;
        while i < fields.len() {
            self = self.add(message, fields[i].shaped().form());
            i += 1;
        }
        self
    }
}

/// A contract and all that it reaches, each once, in the order in which they are found: itself first, then what its
/// messages carry, then what the messages of those carry.
pub(crate) struct Reach {
    members: [&'static Description; MOST],
    count: usize,
}

impl Reach {
    pub(crate) const fn of(contract: &'static Description) -> Reach {
        let mut reach = Reach { members: [contract; MOST], count: 1 };
        let mut member = 0;
        while member < reach.count {
            let carries = reach.members[member].carries;
            let mut i = 0;
            while i < carries.len() {
                if reach.number(carries[i].contract) == reach.count {
                    assert!(
                        reach.count < MOST,
                        "a contract reaches more than 64 through what its messages carry"
                    );
                    reach.members[reach.count] = carries[i].contract;
                    reach.count += 1;
                }
                i += 1;
            }
            member += 1;
        }
        reach
    }

    pub(crate) const fn members(&self) -> &[&'static Description] {
        self.members.split_at(self.count).0
    }

    /// A member's position. Contracts of one program are told apart by where they stand in the source.
    pub(crate) const fn number(&self, contract: &Description) -> usize {
        let mut i = 0;
        while i < self.count {
            if self.members[i].place == contract.place && self.members[i].own == contract.own {
                break;
            }
            i += 1;
        }
        i
    }

    /// For each member, the first one that nobody could tell from it: what they say is the same, and so is what they
    /// carry, to any depth. Found by taking all for alike and parting those that differ, until none do.
    const fn alike(&self) -> [usize; MOST] {
        let mut first = [0; MOST];
        loop {
            let mut parted = first;
            let mut changed = false;
            let mut member = 0;
            while member < self.count {
                let mut candidate = 0;
                while !self.seem_alike(candidate, member, &first) {
                    candidate += 1;
                }
                parted[member] = candidate;
                changed |= candidate != first[member];
                member += 1;
            }
            if !changed {
                return first;
            }
            first = parted;
        }
    }

    /// Whether two members are alike if those are that `first` takes for alike.
    const fn seem_alike(&self, one: usize, other: usize, first: &[usize; MOST]) -> bool {
        let (one, other) = (self.members[one], self.members[other]);
        if one.own != other.own || one.carries.len() != other.carries.len() {
            return false;
        }
        let mut i = 0;
        while i < one.carries.len() {
            let carried = [one.carries[i].contract, other.carries[i].contract];
            if first[self.number(carried[0])] != first[self.number(carried[1])] {
                return false;
            }
            i += 1;
        }
        true
    }
}

/// Fingerprint of a contract with all that it reaches: equal exactly if nothing that is ever said on a channel of the
/// contract, or on one of the endpoints that travel on it, can be told apart. It is a hash of the graph of the contracts,
/// each with its own fingerprint, in which those that are alike are one.
pub(crate) const fn fingerprint(contract: &'static Description) -> u64 {
    if contract.carries.is_empty() {
        return contract.own;
    }
    let reach = Reach::of(contract);
    let first = reach.alike();
    // The n-th contract of the graph, where the first that was found has number 0: nothing in it depends on how many
    // contracts that are alike a program has.
    let mut numbers = [0; MOST];
    let mut distinct = 0;
    let mut member = 0;
    while member < reach.count {
        if first[member] == member {
            numbers[member] = distinct;
            distinct += 1;
        }
        member += 1;
    }
    let mut hash = SEED;
    member = 0;
    while member < reach.count {
        if first[member] == member {
            let Description { own, carries, .. } = reach.members[member];
            hash = mix(mix(hash, *own), carries.len() as u64);
            let mut i = 0;
            while i < carries.len() {
                hash = mix(hash, numbers[first[reach.number(carries[i].contract)]]);
                i += 1;
            }
        }
        member += 1;
    }
    hash
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    const PROGRAMS: usize = 200;
    const CONTRACTS: usize = 3;

    /// The contracts of many programs: in each they carry each other at random, none to two of them.
    static KNOWN: [[Description; CONTRACTS]; PROGRAMS] = {
        let mut all = [const { [const { described(0, 0, &[]) }; CONTRACTS] }; PROGRAMS];
        let mut random = 1;
        let mut i = 0;
        while i < PROGRAMS * CONTRACTS {
            random = next(random);
            let (program, contract) = (i / CONTRACTS, i % CONTRACTS);
            let count = [0, 1, 1, 1, 2, 2, 2][(random >> 40) as usize % 7];
            let (carries, _) = CARRIED[program][contract].split_at(count);
            // In themselves those that carry as much are the same.
            all[program][contract] = described(i as u64, count as u64, carries);
            i += 1;
        }
        all
    };

    static CARRIED: [[[CarriedContract; 2]; CONTRACTS]; PROGRAMS] = {
        let mut all = [[[CarriedContract { message: 0, contract: &UNFILLED }; 2]; CONTRACTS]; PROGRAMS];
        let mut random = 2;
        let mut i = 0;
        while i < PROGRAMS * CONTRACTS * 2 {
            random = next(random);
            let program = i / (CONTRACTS * 2);
            let contract = &KNOWN[program][(random >> 40) as usize % CONTRACTS];
            all[program][i / 2 % CONTRACTS][i % 2] = CarriedContract { message: 0, contract };
            i += 1;
        }
        all
    };

    const fn next(random: u64) -> u64 {
        random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407)
    }

    const fn described(place: u64, own: u64, carries: &'static [CarriedContract]) -> Description {
        Description { own, place, carries, ..UNFILLED }
    }

    /// Whether two contracts are the same as far as that many steps lead.
    fn same(one: &Description, other: &Description, steps: usize) -> bool {
        let mut carried = one.carries.iter().zip(other.carries);
        one.own == other.own
            && one.carries.len() == other.carries.len()
            && (steps == 0 || carried.all(|(one, other)| same(one.contract, other.contract, steps - 1)))
    }

    #[test]
    fn fingerprints_are_equal_exactly_if_contracts_are_the_same_to_any_depth() {
        let all: Vec<_> = KNOWN.iter().flatten().map(|contract| (contract, fingerprint(contract))).collect();
        let (mut equal, mut deep) = (0, 0);
        for (i, (one, one_fingerprint)) in all.iter().enumerate() {
            for (other, other_fingerprint) in &all[i + 1..] {
                // As many steps as there are contracts on both sides tell apart whatever can be.
                let expected = same(one, other, 2 * CONTRACTS);
                assert_eq!(one_fingerprint == other_fingerprint, expected, "{one:?} and {other:?}");
                equal += usize::from(expected && !one.carries.is_empty());
                deep += usize::from(!expected && same(one, other, 2));
            }
        }
        assert!(equal > 100 && deep > 100, "the programs are worth comparing: {equal}, {deep}");
    }

    /// Each carries the next one.
    static LONG: [Description; MOST + 1] = {
        let mut all = [const { described(0, 0, &[]) }; MOST + 1];
        let mut i = 0;
        while i < MOST {
            all[i] = described(i as u64 + 1, 1, core::slice::from_ref(&LINKS[i]));
            i += 1;
        }
        all
    };

    static LINKS: [CarriedContract; MOST] = {
        let mut all = [CarriedContract { message: 0, contract: &UNFILLED }; MOST];
        let mut i = 0;
        while i < MOST {
            all[i].contract = &LONG[i + 1];
            i += 1;
        }
        all
    };

    #[test]
    fn a_contract_reaches_as_many_as_there_is_room_for() {
        assert_eq!(Reach::of(&LONG[1]).members().len(), MOST);
        assert!(std::panic::catch_unwind(|| Reach::of(&LONG[0]).members().len()).is_err());
    }
}
