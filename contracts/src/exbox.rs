//! [`ExBox`]: the owning handle of a block of the exchange heap.

use core::alloc::Layout;
use core::fmt;
use core::marker::PhantomData;
use core::mem::{self, align_of, offset_of, size_of};
use core::ops::{Deref, DerefMut};
use core::ptr::{self, NonNull};
use core::slice;
use core::sync::atomic::Ordering::Relaxed;

use crate::abi::BlockEntry;
use crate::binding;
use crate::exchange::{Exchange, Transfer};
use crate::fingerprint;
use crate::form::{Form, Shaped};
use crate::wire::{Block, DecodeError, Decoder, Encoder, varint_bytes};

/// The exchange heap, or the caller's share of memory, has no room for what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exhausted;

impl fmt::Display for Exhausted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("out of memory")
    }
}

impl core::error::Error for Exhausted {}

mod sealed {
    pub trait Sealed {}
    impl<T> Sealed for T {}
    impl<T> Sealed for [T] {}
}

/// What a block holds: one `T`, or a slice of them. A block crosses if its element does.
///
/// No bound says so here, so that rustc reports an element that cannot cross by the element's own reason.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the content of a block",
    label = "neither one value nor a slice of them",
    note = "a block holds what may cross a channel: an `ExBox<T>` one `T`, an `ExBox<[T]>` many, with `T: Exchange`"
)]
pub trait Content: sealed::Sealed {
    /// The type of one element.
    type Element;
    /// How many elements there are, if the type says so.
    const LENGTH: Option<usize>;
    /// A reference to `length` elements at `data`, as this type.
    #[doc(hidden)]
    fn assemble(data: *mut Self::Element, length: usize) -> *mut Self;
}

impl<T> Content for T {
    type Element = T;
    const LENGTH: Option<usize> = Some(1);
    fn assemble(data: *mut T, _: usize) -> *mut T {
        data
    }
}

impl<T> Content for [T] {
    type Element = T;
    const LENGTH: Option<usize> = None;
    fn assemble(data: *mut T, length: usize) -> *mut [T] {
        ptr::slice_from_raw_parts_mut(data, length)
    }
}

/// Owns a block of the exchange heap.
///
/// Holding an `ExBox` proves that nobody else can reach the block: it is in no other SIP, in no channel and in
/// no other handle. Sending it gives that up; dropping it frees the block.
#[repr(C)]
pub struct ExBox<T: Content + ?Sized> {
    data: NonNull<T::Element>,
    length: usize,
    entry: &'static BlockEntry,
    owns: PhantomData<T>,
}

/// Where its parts lie, in bytes from its start, whatever it holds.
pub(crate) const DATA_OFFSET: usize = offset_of!(ExBox<u8>, data);
pub(crate) const LENGTH_OFFSET: usize = offset_of!(ExBox<u8>, length);
pub(crate) const ENTRY_OFFSET: usize = offset_of!(ExBox<u8>, entry);

// SAFETY: the block has no other owner, so the handle may go wherever its content may.
unsafe impl<T: Content<Element: Send> + ?Sized> Send for ExBox<T> {}
// SAFETY: a shared handle gives shared access to the content only.
unsafe impl<T: Content + ?Sized + Sync> Sync for ExBox<T> {}

// SAFETY: the handle's pointers lead to the exchange heap and its ledger only; its layout does not depend on T;
// the block and all that its content holds are handed over.
unsafe impl<T: Content<Element: Exchange> + ?Sized + 'static> Exchange for ExBox<T> {
    const FINGERPRINT: u64 = {
        let element = <T::Element as Exchange>::FINGERPRINT;
        let content = match T::LENGTH {
            Some(_) => element,
            None => fingerprint::mix(fingerprint::text(fingerprint::SEED, "slice"), element),
        };
        fingerprint::mix(fingerprint::text(fingerprint::SEED, "ExBox"), content)
    };
    const FORM: Form = Form::Block { element: &const { Shaped::of::<T::Element>() }, length: T::LENGTH };
    const HANDLES: usize = match T::LENGTH {
        Some(length) => <T::Element as Exchange>::HANDLES.saturating_mul(length).saturating_add(1),
        None => 1,
    };
    const ANY_BYTES: bool = false;
    // The handle's index, and the length if the type does not say.
    const WIRE_BYTES: usize = varint_bytes(u64::BITS) * if T::LENGTH.is_some() { 1 } else { 2 };
    const CHECKED: bool = <T::Element as Exchange>::CHECKED;
    fn check(&self) -> bool {
        // Of values without bytes one is as good as another, and there may be more than anybody would count to.
        let count = if size_of::<T::Element>() == 0 { self.length.min(1) } else { self.length };
        !Self::CHECKED || self.elements()[..count].iter().all(Exchange::check)
    }
    #[inline]
    fn hand_over(&self, transfer: &mut Transfer) {
        transfer.block(self.entry);
        if <T::Element as Exchange>::HANDLES > 0 {
            self.elements().iter().for_each(|element| element.hand_over(transfer));
        }
    }
    fn encode(self, encoder: &mut Encoder) -> Result<(), Exhausted> {
        encoder.block(self)
    }
    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        decoder.block()
    }
}

/// A block on its way to being an [`ExBox`]: its first `length` elements are there.
struct Partial<T> {
    data: NonNull<T>,
    length: usize,
    entry: &'static BlockEntry,
}

impl<T> Drop for Partial<T> {
    fn drop(&mut self) {
        // SAFETY: so many elements are initialised, and they and the block are ours.
        unsafe {
            ptr::drop_in_place(ptr::slice_from_raw_parts_mut(self.data.as_ptr(), self.length));
            binding::free_block(self.entry);
        }
    }
}

impl<T: Content + ?Sized> ExBox<T> {
    /// A block for `length` elements, each made by `element` from its index. `length` is that of the type, if it has one.
    fn build(length: usize, mut element: impl FnMut(usize) -> T::Element) -> Result<Self, Exhausted> {
        Self::try_build(length, |index| Ok(element(index)))
    }

    /// As `build`, giving up at the first element that is not made.
    pub(crate) fn try_build<E: From<Exhausted>>(
        length: usize,
        mut element: impl FnMut(usize) -> Result<T::Element, E>,
    ) -> Result<Self, E> {
        debug_assert!(T::LENGTH.is_none_or(|fixed| fixed == length));
        let layout = Layout::array::<T::Element>(length).map_err(|_| Exhausted)?;
        let entry = binding::allocate_block(layout).ok_or(Exhausted)?;
        let data = NonNull::new(entry.address.load(Relaxed) as *mut T::Element).ok_or(Exhausted)?;
        let mut partial = Partial { data, length: 0, entry };
        while partial.length < length {
            let element = element(partial.length)?;
            // SAFETY: the fresh block has room for `length` elements at this alignment and is ours alone.
            unsafe { data.add(partial.length).write(element) };
            partial.length += 1;
        }
        mem::forget(partial);
        Ok(ExBox { data, length, entry, owns: PhantomData })
    }

    /// How many elements there are.
    pub(crate) fn count(&self) -> usize {
        self.length
    }

    /// Moves the elements out. The block is freed with the iterator.
    pub(crate) fn into_elements(self) -> Elements<T::Element> {
        let this = mem::ManuallyDrop::new(self);
        Elements { data: this.data, next: 0, length: this.length, entry: this.entry, owns: PhantomData }
    }

    fn elements(&self) -> &[T::Element] {
        // SAFETY: `data` and `length` describe initialised elements that we own.
        unsafe { slice::from_raw_parts(self.data.as_ptr(), self.length) }
    }

    /// Address of the block's first byte. It stays the same whoever owns the block.
    pub fn address(&self) -> usize {
        self.data.as_ptr() as usize
    }

    /// Bytes of content.
    pub fn size_in_bytes(&self) -> usize {
        self.length * size_of::<T::Element>()
    }
}

impl<T: Content<Element: Exchange> + ?Sized> ExBox<T> {
    /// The block without its content's type, of which any bytes are a value.
    pub(crate) fn into_block(self) -> Block {
        assert!(<T::Element as Exchange>::ANY_BYTES, "padding must not be seen");
        let this = mem::ManuallyDrop::new(self);
        // SAFETY: the handle is given up; the elements fill the block and have no padding, so its bytes are initialised.
        unsafe { Block::from_entry(this.entry) }
    }

    /// The reverse of `into_block`.
    ///
    /// # Safety
    ///
    /// Any bytes are a value of the element type; `length` elements fill the block, and are aligned.
    pub(crate) unsafe fn from_block(block: Block, length: usize) -> Self {
        let entry = block.into_entry();
        let data = entry.address.load(Relaxed) as *mut T::Element;
        // SAFETY: a block has an address.
        ExBox { data: unsafe { NonNull::new_unchecked(data) }, length, entry, owns: PhantomData }
    }
}

impl<T: Exchange> ExBox<T> {
    /// Moves `value` into a new block.
    pub fn new(value: T) -> Result<Self, Exhausted> {
        let mut value = Some(value);
        Self::build(1, |_| value.take().expect("one element is built once"))
    }

    /// Moves the value out and frees the block.
    pub fn into_inner(self) -> T {
        let this = mem::ManuallyDrop::new(self);
        // SAFETY: the handle is not used again, so the value is read once; its block is then freed as memory.
        unsafe {
            let value = this.data.as_ptr().read();
            binding::free_block(this.entry);
            value
        }
    }
}

impl<T: Exchange> ExBox<[T]> {
    /// A block of `length` elements, each made by `element` from its index.
    pub fn from_fn(length: usize, element: impl FnMut(usize) -> T) -> Result<Self, Exhausted> {
        Self::build(length, element)
    }
}

impl ExBox<[u8]> {
    /// Takes charge of a block that consists of bytes.
    ///
    /// # Safety
    ///
    /// The caller owns the block, its bytes are initialised, and there is no other handle.
    pub unsafe fn from_entry(entry: &'static BlockEntry) -> Option<Self> {
        let data = NonNull::new(entry.address.load(Relaxed) as *mut u8)?;
        Some(ExBox { data, length: entry.size.load(Relaxed), entry, owns: PhantomData })
    }

    /// A block of `length` zero bytes.
    pub fn zeroed(length: usize) -> Result<Self, Exhausted> {
        let layout = Layout::array::<u8>(length).map_err(|_| Exhausted)?;
        let entry = binding::allocate_block(layout).ok_or(Exhausted)?;
        let data = NonNull::new(entry.address.load(Relaxed) as *mut u8).ok_or(Exhausted)?;
        // SAFETY: the fresh block has `length` bytes and is ours alone.
        unsafe { ptr::write_bytes(data.as_ptr(), 0, length) };
        Ok(ExBox { data, length, entry, owns: PhantomData })
    }
}

impl<T: Exchange + Copy> ExBox<[T]> {
    /// A block with a copy of `source`. The bytes are counted as copied.
    pub fn copy_of(source: &[T]) -> Result<Self, Exhausted> {
        let copy = Self::build(source.len(), |index| source[index])?;
        binding::count_copied(copy.size_in_bytes());
        Ok(copy)
    }
}

impl<T: Content + ?Sized> Deref for ExBox<T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: the content is initialised and ours; it lives as long as the handle.
        unsafe { &*T::assemble(self.data.as_ptr(), self.length) }
    }
}

impl<T: Content + ?Sized> DerefMut for ExBox<T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the content is initialised and ours alone; it lives as long as the handle.
        unsafe { &mut *T::assemble(self.data.as_ptr(), self.length) }
    }
}

impl<T: Content + ?Sized> Drop for ExBox<T> {
    fn drop(&mut self) {
        // SAFETY: we own the content and the block, and nobody uses either again.
        unsafe {
            if mem::needs_drop::<T::Element>() {
                ptr::drop_in_place(T::assemble(self.data.as_ptr(), self.length));
            }
            binding::free_block(self.entry);
        }
    }
}

/// The elements of a block, one after the other; see [`ExBox::into_iter`].
pub struct Elements<T> {
    data: NonNull<T>,
    /// Those before were moved out.
    next: usize,
    length: usize,
    entry: &'static BlockEntry,
    owns: PhantomData<T>,
}

// SAFETY: as for the handle that it was made from.
unsafe impl<T: Send> Send for Elements<T> {}

impl<T: Exchange> IntoIterator for ExBox<[T]> {
    type Item = T;
    type IntoIter = Elements<T>;
    /// Moves the elements out. The block is freed with the iterator.
    fn into_iter(self) -> Elements<T> {
        self.into_elements()
    }
}

impl<T> Iterator for Elements<T> {
    type Item = T;
    fn next(&mut self) -> Option<T> {
        if self.next == self.length {
            return None;
        }
        self.next += 1;
        // SAFETY: the element is initialised and ours, and from now on counted as moved out.
        Some(unsafe { self.data.as_ptr().add(self.next - 1).read() })
    }
    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.length - self.next;
        (left, Some(left))
    }
}

impl<T> ExactSizeIterator for Elements<T> {}

impl<T> Drop for Elements<T> {
    fn drop(&mut self) {
        if mem::needs_drop::<T>() {
            self.by_ref().for_each(drop);
        }
        // SAFETY: we own the block, and nothing in it is used again.
        unsafe { binding::free_block(self.entry) }
    }
}

impl<T: Content + ?Sized + fmt::Debug> fmt::Debug for ExBox<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

const _: () = assert!(align_of::<ExBox<u64>>() == 8 && size_of::<ExBox<u64>>() == size_of::<ExBox<[u8]>>());
