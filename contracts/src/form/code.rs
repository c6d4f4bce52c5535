//! From forms to programs, and how a program is read.
//!
//! A program is a row of operations, each a byte for what it is, then numbers (seven bits a byte, least significant
//! first, the highest bit set on all but the last), then what it has inside: its length as a number of
//! [`LENGTH_BYTES`], and its bytes. The first number is the place of the part, from the start of what the program is
//! of.
//!
//! | operation | numbers | inside |
//! |---|---|---|
//! | [`PADDING`] | place, bytes | |
//! | [`BOOL`], [`CHAR`] | place | |
//! | [`TEXT`] | place, capacity | |
//! | [`TAG`] | place, bytes of the tag | groups of variants: first number, how many follow, inside a program |
//! | [`ROW`] | place, how many, bytes of each | a program of one |
//! | [`BLOCK`] | place, bytes and alignment of an element, one more than how many, or 0 | a program of one |
//! | [`END`] | place, side, state | for each contract that will do its fingerprint, and where both directions' slots lie |
//! | [`ANY_END`] | place | |

use super::{Form, Payload, Shaped, Tag};
use crate::abi::Ring;
use crate::channel::Shape;
use crate::endpoint::{Description, Side};
use crate::generated::{Field, Variant};
use crate::reach::Described;

pub(super) const PADDING: u8 = 0;
pub(super) const BOOL: u8 = 1;
pub(super) const CHAR: u8 = 2;
pub(super) const TEXT: u8 = 3;
pub(super) const TAG: u8 = 4;
pub(super) const ROW: u8 = 5;
pub(super) const BLOCK: u8 = 6;
pub(super) const END: u8 = 7;
pub(super) const ANY_END: u8 = 8;

/// Bits of a number in one byte, and the bit that says that there are more.
const BITS: u32 = 7;
const MORE: u8 = 1 << BITS;

/// Bytes of the length of what is inside.
const LENGTH_BYTES: usize = 3;

/// The programs of a contract's messages, written by its derive.
///
/// Holding one proves that each does what its message's body asks for.
#[derive(Clone, Copy, Debug)]
pub struct Forms(&'static [u8]);

impl Forms {
    /// Takes the bytes that [`bytes`] made.
    ///
    /// # Safety
    ///
    /// They are those of the bodies of the contract's messages, in their order.
    pub const unsafe fn new(bytes: &'static [u8]) -> Self {
        Forms(bytes)
    }

    /// A message's body: its size in bytes, and its program. None if the contract has no such message.
    pub fn message(self, number: u16) -> Option<(usize, Program<'static>)> {
        let mut forms = Program(self.0);
        for _ in 0..number {
            forms.number();
            forms.inside();
        }
        if forms.is_empty() {
            return None;
        }
        let size = forms.number() as usize;
        Some((size, forms.inside()))
    }
}

/// A program, or what is left of it.
///
/// It is read without a look at its sense: of one that was cut off, what is missing is 0 or empty.
#[derive(Clone, Copy, Debug)]
pub struct Program<'a>(&'a [u8]);

impl<'a> Program<'a> {
    /// Nothing.
    pub(super) const NONE: Program<'static> = Program(&[]);

    /// Whether there is nothing to do: whatever bytes are a value.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next operation.
    #[inline]
    pub(super) fn operation(&mut self) -> Option<u8> {
        let (operation, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*operation)
    }

    /// The next number.
    #[inline(never)]
    pub(super) fn number(&mut self) -> u64 {
        // Most have one byte.
        if let Some((byte, rest)) = self.0.split_first()
            && byte & MORE == 0
        {
            self.0 = rest;
            return u64::from(*byte);
        }
        let (mut number, mut shift) = (0, 0);
        while let Some(byte) = self.operation() {
            number |= u64::from(byte & !MORE).wrapping_shl(shift);
            shift = shift.wrapping_add(BITS);
            if byte & MORE == 0 {
                break;
            }
        }
        number
    }

    /// What is inside.
    #[inline(never)]
    pub(super) fn inside(&mut self) -> Program<'a> {
        let length = self.number() as usize;
        let (inside, rest) = self.0.split_at_checked(length).unwrap_or((self.0, &[]));
        self.0 = rest;
        Program(inside)
    }
}

/// How many bytes the programs of these bodies have.
pub const fn length(bodies: &[Shaped]) -> usize {
    Code::<0>::of(bodies).length
}

/// The programs of these bodies; `N` is their [`length`].
pub const fn bytes<const N: usize>(bodies: &[Shaped]) -> [u8; N] {
    Code::of(bodies).bytes
}

/// A program on its way. It counts also the bytes that it has no room for.
struct Code<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> Code<N> {
    /// For each of these bodies its size, and inside its program.
    const fn of(bodies: &[Shaped]) -> Self {
        let mut code = Code { bytes: [0; N], length: 0 };
        let mut i = 0;
        while i < bodies.len() {
            code.number(bodies[i].size as u64);
            let start = code.open();
            code.add(bodies[i].form, bodies[i].size, 0);
            code.close(start);
            i += 1;
        }
        code
    }

    const fn byte(&mut self, at: usize, byte: u8) {
        if at < N {
            self.bytes[at] = byte;
        }
    }

    const fn number(&mut self, mut number: u64) {
        while number >= MORE as u64 {
            self.byte(self.length, number as u8 | MORE);
            self.length += 1;
            number >>= BITS;
        }
        self.byte(self.length, number as u8);
        self.length += 1;
    }

    const fn operation(&mut self, operation: u8, place: usize) {
        self.byte(self.length, operation);
        self.length += 1;
        self.number(place as u64);
    }

    /// Begins what is inside.
    const fn open(&mut self) -> usize {
        self.length += LENGTH_BYTES;
        self.length
    }

    /// Ends what is inside and began there.
    const fn close(&mut self, start: usize) {
        let length = self.length - start;
        assert!(length >> (LENGTH_BYTES as u32 * BITS) == 0, "a type that crosses has too many parts");
        let mut i = 0;
        while i < LENGTH_BYTES {
            let more = if i + 1 < LENGTH_BYTES { MORE } else { 0 };
            self.byte(start - LENGTH_BYTES + i, (length >> (i as u32 * BITS)) as u8 & !MORE | more);
            i += 1;
        }
    }

    /// What a part of this form and size needs that lies there.
    const fn add(&mut self, form: Form, size: usize, place: usize) {
        match form {
            Form::Bytes => {}
            Form::Bool => self.operation(BOOL, place),
            Form::Char => self.operation(CHAR, place),
            Form::Utf8 { capacity } => {
                self.operation(TEXT, place);
                self.number(capacity as u64);
                self.padding(place, crate::text::BYTES_OFFSET + capacity, size);
            }
            Form::Row { element, count } => self.row(element, count, place),
            Form::Fields(fields) => {
                let mut filled = 0;
                let mut i = 0;
                while i < fields.len() {
                    filled = self.field(&fields[i], fields[i].offset(), filled, place);
                    i += 1;
                }
                self.padding(place, filled, size);
            }
            Form::Variants(tag, variants) => self.variants(tag, variants, size, place),
            Form::Block { element, length } => self.block(element, length, place),
            Form::Endpoint { contract, side, state } => self.endpoint(contract, side, state, place),
            Form::Any => {
                self.operation(ANY_END, place);
                let (filled, end) = crate::any::PADDING[0];
                self.padding(place, filled, end);
                let (filled, end) = crate::any::PADDING[1];
                self.padding(place, filled, end);
            }
        }
    }

    /// The bytes from `filled` to `end` of what lies at `place` are no part of the value.
    const fn padding(&mut self, place: usize, filled: usize, end: usize) {
        assert!(filled <= end, "a type's parts lie in it");
        if filled < end {
            self.operation(PADDING, place + filled);
            self.number((end - filled) as u64);
        }
    }

    /// A field that lies `offset` from `place`, where bytes up to `filled` belong to fields before it. Returns where
    /// it ends.
    const fn field(&mut self, field: &Field, offset: usize, filled: usize, place: usize) -> usize {
        let Shaped { form, size, .. } = *field.shaped();
        // It may lie anywhere, also within others.
        if size == 0 {
            return filled;
        }
        self.padding(place, filled, offset);
        self.add(form, size, place + offset);
        offset + size
    }

    const fn row(&mut self, element: &Shaped, count: usize, place: usize) {
        if count == 1 {
            return self.add(element.form, element.size, place);
        }
        let before = self.length;
        self.operation(ROW, place);
        self.number(count as u64);
        self.number(element.size as u64);
        let start = self.open();
        self.add(element.form, element.size, 0);
        if count == 0 || self.length == start {
            self.length = before;
            return;
        }
        self.close(start);
    }

    const fn variants(&mut self, tag: Tag, variants: &[Variant], size: usize, place: usize) {
        self.operation(TAG, place);
        self.number(tag.bytes as u64);
        let groups = self.open();
        let payload = payload(tag, variants);
        let mut i = 0;
        while i < variants.len() {
            let first = tag.number(variants[i].1);
            let mut more = 0;
            // Numbers in a row of variants with nothing in them are one group.
            while i + 1 < variants.len()
                && self.is_idle(tag, variants[i].2, payload, size)
                && self.is_idle(tag, variants[i + 1].2, payload, size)
                && tag.number(variants[i + 1].1) == first + more + 1
            {
                more += 1;
                i += 1;
            }
            self.number(first);
            self.number(more);
            let start = self.open();
            self.variant(tag, variants[i].2, payload, size, place);
            self.close(start);
            i += 1;
        }
        self.close(groups);
    }

    /// The fields of a variant of an enum of this size, and what is left of the enum.
    const fn variant(&mut self, tag: Tag, fields: &[Field], payload: usize, size: usize, place: usize) {
        let (mut filled, mut end) = (tag.bytes, payload);
        let mut i = 0;
        while i < fields.len() {
            let Shaped { size, align, .. } = *fields[i].shaped();
            let offset = end.next_multiple_of(align);
            filled = self.field(&fields[i], offset, filled, place);
            end = offset + size;
            i += 1;
        }
        self.padding(place, filled, size);
    }

    const fn is_idle(&mut self, tag: Tag, fields: &[Field], payload: usize, size: usize) -> bool {
        let before = self.length;
        self.variant(tag, fields, payload, size, 0);
        let idle = self.length == before;
        self.length = before;
        idle
    }

    const fn block(&mut self, element: &Shaped, length: Option<usize>, place: usize) {
        self.operation(BLOCK, place);
        self.number(element.size as u64);
        self.number(element.align as u64);
        self.number(match length {
            Some(length) => length as u64 + 1,
            None => 0,
        });
        let start = self.open();
        self.add(element.form, element.size, 0);
        self.close(start);
    }

    const fn endpoint(&mut self, contract: Described, side: Side, state: u16, place: usize) {
        self.operation(END, place);
        self.number(side as u64);
        self.number(state as u64);
        let start = self.open();
        let mut contract = contract.get();
        self.channel(contract);
        // A channel has its client's contract; its server may speak one that extends it.
        while let (Side::Server, Some(base)) = (side, contract.base) {
            self.channel(base);
            contract = base;
        }
        self.close(start);
    }

    /// What a channel of this contract is like.
    const fn channel(&mut self, contract: &'static Description) {
        let shape = Shape::of(contract);
        self.number(shape.fingerprint);
        let Some(plan) = shape.plan() else { panic!("a contract whose channels are too large is refused") };
        let mut to = 0;
        while to < plan.rings().len() {
            let Ring { offset, stride, mask, .. } = plan.rings()[to];
            self.number(offset as u64);
            self.number(stride as u64);
            self.number(mask as u64);
            to += 1;
        }
    }
}

/// Where the fields of an enum's variants begin at the earliest.
const fn payload(tag: Tag, variants: &[Variant]) -> usize {
    let Payload::Together = tag.payload else { return tag.bytes };
    let mut align = 1;
    let mut variant = 0;
    while variant < variants.len() {
        let fields = variants[variant].2;
        let mut i = 0;
        while i < fields.len() {
            if fields[i].shaped().align > align {
                align = fields[i].shaped().align;
            }
            i += 1;
        }
        variant += 1;
    }
    tag.bytes.next_multiple_of(align)
}

impl Tag {
    /// A variant's number as it lies in memory.
    const fn number(self, number: u64) -> u64 {
        number & (u64::MAX >> (u64::BITS - self.bytes as u32 * u8::BITS))
    }
}
