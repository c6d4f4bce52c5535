use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::collections::{HashMap, HashSet};

use core::sync::atomic::AtomicU8;

use proptest::prelude::*;

use super::*;

const SLABS: usize = 64;
/// More slabs than there are marks.
const MANY_SLABS: usize = MARKS_HERE + 64;
const LARGE_BYTES: usize = 64 << 20;

/// A piece of the host's memory that knows which of its pages are mapped.
struct HostMemory {
    start: usize,
    layout: Layout,
    mapped: HashSet<usize>,
    limit: usize,
}

impl HostMemory {
    fn heap(limit: usize) -> Heap<HostMemory> {
        HostMemory::heap_of(SLABS, limit)
    }

    fn heap_of(slabs: usize, limit: usize) -> Heap<HostMemory> {
        let bytes = slabs * (SLAB_BYTES + SLAB_BYTES) + LARGE_BYTES;
        let layout = Layout::from_size_align(bytes, SLAB_BYTES).expect("the layout is valid");
        // SAFETY: the layout is not empty.
        let start = unsafe { alloc_zeroed(layout) } as usize;
        assert_ne!(start, 0);
        let (small, large) = (start + slabs * SLAB_BYTES, start + 2 * slabs * SLAB_BYTES);
        let area = Area { ledger: start, small, slabs, large, large_end: large + LARGE_BYTES, first_mark: 8 };
        Heap::new(HostMemory { start, layout, mapped: HashSet::new(), limit }, area)
    }
}

impl Drop for HostMemory {
    fn drop(&mut self) {
        // SAFETY: allocated by `heap` with this layout.
        unsafe { dealloc(self.start as *mut u8, self.layout) }
    }
}

impl Memory for HostMemory {
    fn map(&mut self, address: usize, pages: usize) -> Result<(), OutOfMemory> {
        if self.mapped.len() + pages > self.limit {
            return Err(OutOfMemory);
        }
        for page in 0..pages {
            assert!(self.mapped.insert(address + page * PAGE_SIZE), "a page is mapped once");
        }
        Ok(())
    }

    fn unmap(&mut self, address: usize, pages: usize) {
        for page in 0..pages {
            assert!(self.mapped.remove(&(address + page * PAGE_SIZE)), "only mapped pages are unmapped");
        }
    }
}

/// The account of a SIP.
fn holder(id: u32) -> abi::Account {
    abi::Account {
        owner: Owner::sip(id).to_bits().into(),
        bytes: 0.into(),
        byte_limit: u64::MAX.into(),
        marks: [const { AtomicU8::new(0) }; MARKS],
    }
}

/// Checks everything that the ledger promises, against a model of what is allocated.
fn check(heap: &Heap<HostMemory>, model: &HashMap<usize, (usize, Owner)>) {
    let listed: Vec<_> = heap.blocks().collect();
    assert_eq!(listed.len(), model.len(), "each block is listed once");
    let mut spans = Vec::new();
    for entry in &listed {
        let (size, owner) = model[&(core::ptr::from_ref(*entry) as usize)];
        assert_eq!(Owner::from_bits(entry.tracked.owner.load(Relaxed)), owner);
        assert_eq!(entry.size.load(Relaxed), size);
        let address = entry.address.load(Relaxed);
        let end = address + size.max(1);
        for page in address / PAGE_SIZE..end.div_ceil(PAGE_SIZE) {
            assert!(heap.memory.mapped.contains(&(page * PAGE_SIZE)), "a block's pages are mapped");
        }
        spans.push((address, end));
    }
    spans.sort_unstable();
    assert!(spans.windows(2).all(|pair| pair[0].1 <= pair[1].0), "blocks do not overlap");
    let bytes = model.values().map(|(size, _)| size).sum();
    let totals = Totals { blocks: model.len(), bytes, pages: heap.memory.mapped.len() };
    assert_eq!(heap.totals(), totals, "sums equal what is allocated");
}

fn sizes() -> impl Strategy<Value = usize> {
    prop_oneof![4 => 0usize..3000, 1 => 3000usize..200_000, 1 => Just(4096usize), 1 => Just(1usize << 20)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_ledger_lists_every_block_once_with_its_owner_and_its_sums_are_what_is_allocated(
        steps in prop::collection::vec((any::<bool>(), sizes(), 0u32..13, any::<u16>()), 1..400),
        limit in prop_oneof![Just(usize::MAX), 20usize..400],
    ) {
        let mut heap = HostMemory::heap(limit);
        let mut model: HashMap<usize, (usize, Owner)> = HashMap::new();
        for (step, (allocate, size, align, pick)) in steps.into_iter().enumerate() {
            let keys: Vec<usize> = model.keys().copied().collect();
            if allocate || keys.is_empty() {
                let holder = holder(u32::from(pick));
                let owner = Owner::from_bits(holder.owner.load(Relaxed));
                if let Ok(entry) = heap.allocate(size, 1 << align, &holder) {
                    let address = entry.address.load(Relaxed);
                    prop_assert_eq!(address % (1 << align), 0);
                    let whole = Heap::<HostMemory>::capacity(size, 1 << align);
                    prop_assert_eq!(entry.capacity.load(Relaxed), whole.min(STEP_PAGES * PAGE_SIZE));
                    while entry.capacity.load(Relaxed) < whole && heap.grow(entry).is_ok() {}
                    match entry.capacity.load(Relaxed) == whole {
                        true => drop(model.insert(core::ptr::from_ref(entry) as usize, (size, owner))),
                        false => heap.free(entry),
                    }
                }
            } else {
                let key = keys[usize::from(pick) % keys.len()];
                model.remove(&key);
                // SAFETY: the model holds addresses of allocated entries.
                heap.free(unsafe { &*(key as *const BlockEntry) });
            }
            if step % 7 == 0 {
                check(&heap, &model);
            }
        }
        check(&heap, &model);
        for key in model.drain().map(|(key, _)| key) {
            // SAFETY: as above.
            heap.free(unsafe { &*(key as *const BlockEntry) });
        }
        heap.trim();
        prop_assert_eq!(heap.totals(), Totals::default(), "nothing stays allocated or mapped");
        prop_assert!(heap.memory.mapped.is_empty());
    }
}

/// The blocks that are looked at for a holder.
fn looked_at(heap: &Heap<HostMemory>, holder: &abi::Account) -> Vec<&'static BlockEntry> {
    let mut found = Vec::new();
    for slab in heap.marked_slabs(holder) {
        let mut from = 0;
        while let Some((index, entry)) = heap.next_in_slab(slab, from, |_| true) {
            from = index + 1;
            found.push(entry);
        }
    }
    found
}

fn owned_by(holder: &abi::Account, entries: &[&BlockEntry]) -> usize {
    let owner = holder.owner.load(Relaxed);
    entries.iter().filter(|entry| entry.tracked.owner.load(Relaxed) == owner).count()
}

#[test]
fn what_a_holder_has_is_found_by_its_marks_and_slabs_that_it_never_touched_are_not_looked_at() {
    let mut heap = HostMemory::heap(usize::MAX);
    let (few, many) = (holder(1), holder(2));
    let mine = heap.allocate(64, 1, &few).expect("there is memory");
    for _ in 0..3000 {
        let other = heap.allocate(64, 1, &many).expect("there is memory");
        // As a receive does.
        if other.tracked.mark.load(Relaxed) == 10 {
            few.marks[10].store(1, Relaxed);
            other.tracked.owner.store(few.owner.load(Relaxed), Relaxed);
        }
    }
    // The first slab has its own block, the third what it received.
    let found = looked_at(&heap, &few);
    assert_eq!(found.len(), 2 * SLAB_BLOCKS);
    assert!(found.iter().any(|entry| core::ptr::eq(*entry, mine)));
    assert_eq!(owned_by(&few, &found), 1 + SLAB_BLOCKS);
    assert_eq!(looked_at(&heap, &many).len(), 3001);
    assert_eq!(looked_at(&heap, &holder(3)).len(), 0);
}

#[test]
fn with_more_slabs_than_marks_everything_is_found_all_the_same() {
    let mut heap = HostMemory::heap_of(MANY_SLABS, usize::MAX);
    let (few, many) = (holder(1), holder(2));
    let mut made = 0;
    for slab in 0..MANY_SLABS {
        for place in 0..SLAB_BLOCKS {
            let is_few = slab % MARKS_HERE == 3 && place == 0;
            heap.allocate(64, 1, if is_few { &few } else { &many }).expect("there is memory");
            made += usize::from(is_few);
        }
    }
    let found = looked_at(&heap, &few);
    assert_eq!((found.len(), owned_by(&few, &found), made), (2 * SLAB_BLOCKS, 2, 2));
    assert_eq!(looked_at(&heap, &many).len(), MANY_SLABS * SLAB_BLOCKS);
}

#[test]
fn an_allocation_that_fails_leaves_nothing_behind() {
    let mut heap = HostMemory::heap(10);
    assert_eq!(heap.allocate(1 << 20, 1, &holder(0)).err(), Some(OutOfMemory));
    heap.trim();
    assert_eq!(heap.totals(), Totals::default());
    assert!(heap.allocate(4096, 1, &holder(0)).is_ok(), "what fits is still to be had");
}

#[test]
fn what_would_need_more_than_a_page_of_alignment_is_refused() {
    let mut heap = HostMemory::heap(usize::MAX);
    assert_eq!(heap.allocate(1, 2 * PAGE_SIZE, &holder(0)).err(), Some(OutOfMemory));
}

#[test]
fn blocks_of_a_page_or_more_start_a_page_of_their_own() {
    let mut heap = HostMemory::heap(usize::MAX);
    for size in [4096, 4097, 65536] {
        let entry = heap.allocate(size, 1, &holder(0)).expect("there is memory");
        assert_eq!(entry.address.load(Relaxed) % PAGE_SIZE, 0);
        assert_eq!(entry.capacity.load(Relaxed) % PAGE_SIZE, 0);
    }
}

#[test]
#[should_panic(expected = "a block that is freed is allocated")]
fn a_block_is_freed_once() {
    let mut heap = HostMemory::heap(usize::MAX);
    let keep = heap.allocate(64, 1, &holder(0)).expect("there is memory");
    let entry = heap.allocate(64, 1, &holder(0)).expect("there is memory");
    assert_ne!(core::ptr::from_ref(keep), core::ptr::from_ref(entry));
    heap.free(entry);
    heap.free(entry);
}

#[test]
fn a_large_block_takes_shape_and_goes_in_steps_and_may_be_freed_at_any_of_them() {
    let size = STEP_PAGES * PAGE_SIZE * 7 / 2;
    let pages = size.div_ceil(PAGE_SIZE);
    for stop_at in 0..5 {
        let mut heap = HostMemory::heap(usize::MAX);
        let entry = heap.allocate(size, 1, &holder(1)).expect("there is memory");
        let address = entry.address.load(Relaxed);
        let mut grown = 0;
        while grown < stop_at && heap.grow(entry).expect("there is memory") > 0 {
            grown += 1;
        }
        let mapped = entry.capacity.load(Relaxed) / PAGE_SIZE;
        assert_eq!(mapped, ((grown + 1) * STEP_PAGES).min(pages));
        assert!((0..mapped).all(|page| heap.memory.mapped.contains(&(address + page * PAGE_SIZE))));
        while heap.shrink(entry) > 0 {
            assert!(
                entry.capacity.load(Relaxed) <= mapped * PAGE_SIZE - STEP_PAGES.min(mapped) * PAGE_SIZE / 2
            );
        }
        heap.free(entry);
        heap.trim();
        assert_eq!(heap.totals(), Totals::default(), "stopped at {stop_at}");
        let again = heap.allocate(size, 1, &holder(1)).expect("there is memory");
        assert_eq!(again.address.load(Relaxed), address, "the range is to be had again, whole");
    }
}

#[test]
fn an_adopted_block_is_in_the_ledger_and_its_memory_is_left_alone() {
    let mut heap = HostMemory::heap(usize::MAX);
    let bytes = vec![7u8; 5000];
    let entry = heap.adopt(bytes.as_ptr() as usize, bytes.len(), &holder(3)).expect("there is memory");
    assert_eq!(heap.totals().bytes, 5000);
    heap.free(entry);
    assert_eq!((heap.totals().blocks, heap.totals().bytes), (0, 0));
    assert!(bytes.iter().all(|&byte| byte == 7));
}
