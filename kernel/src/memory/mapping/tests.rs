use std::sync::{MutexGuard, Once};

use super::*;
use crate::memory::frames::Counts;

const MEMORY_BYTES: usize = 32 << 20;
const START: u64 = layout::EXCHANGE_HEAP;

/// Gives each test the machine's memory, 32 MiB of the host's, for itself.
fn machine() -> MutexGuard<'static, ()> {
    static ONE_TEST: std::sync::Mutex<()> = std::sync::Mutex::new(());
    static MADE: Once = Once::new();
    let guard = ONE_TEST.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    MADE.call_once(|| {
        let memory = Box::leak(vec![0u8; MEMORY_BYTES + PAGE_SIZE].into_boxed_slice());
        let start = (memory.as_ptr() as u64).next_multiple_of(PAGE_SIZE as u64);
        let all = (PhysAddr::new(0), PhysAddr::new(MEMORY_BYTES as u64));
        // SAFETY: the leaked memory is nobody else's, and the window shows just that.
        unsafe {
            crate::memory::set_physical_window(VirtAddr::new(start));
            frames::init([all].into_iter()).unwrap();
        }
        arch::paging::set_root(frames::allocate_zeroed().unwrap().into_entry());
    });
    guard
}

fn page(index: u64) -> VirtAddr {
    VirtAddr::new(START) + index * PAGE_SIZE as u64
}

fn used_since(before: Counts) -> usize {
    before.free - frames::counts().free
}

#[test]
fn unmapping_gives_back_every_frame_that_mapping_took() {
    let _machine = machine();
    let before = frames::counts();
    map_fresh(page(500), 1100, Access::ReadWrite).unwrap();
    // 1100 pages from 500 on lie in four tables of level 1, under one each of levels 2 and 3.
    assert_eq!(used_since(before), 1100 + 4 + 2);
    assert_eq!(Tables::kernel().tables_for(page(500), 1100), 4 + 1);
    assert_eq!(
        (Tables::kernel().tables_for(page(0), 500), Tables::kernel().tables_for(page(2048), 1 << 20)),
        (1 + 1, 1)
    );
    assert_eq!(unmap_range(page(500), 700), 700);
    assert_eq!(unmap_range(page(0), 100_000), 400);
    assert_eq!(frames::counts(), before);
}

#[test]
fn a_mapping_that_fails_halfway_leaves_nothing_behind() {
    let _machine = machine();
    let before = frames::counts();
    map_fresh(page(520), 1, Access::ReadOnly).unwrap();
    let with_one = frames::counts();
    assert_eq!(map_fresh(page(0), 1000, Access::ReadWrite), Err(MapError::InUse(page(520))));
    assert_eq!(frames::counts(), with_one);
    assert_eq!(map_fresh(page(1 << 20), MEMORY_BYTES, Access::ReadWrite), Err(MapError::OutOfMemory));
    assert_eq!(frames::counts(), with_one);
    assert!(translate(page(520)).is_some());
    assert_eq!(unmap_range(page(520), 1), 1);
    assert_eq!(frames::counts(), before);
}

#[test]
fn a_page_translates_to_its_frame_from_map_until_unmap() {
    let _machine = machine();
    let frame = frames::allocate().unwrap();
    let address = frame.address();
    Tables::kernel().map(page(7), frame, Access::ReadOnly).unwrap();
    assert_eq!(translate(page(7) + 5), Some(address + 5));
    assert_eq!(translate(page(8)), None);
    assert_eq!(unmap_range(page(7), 1), 1);
    assert_eq!(translate(page(7)), None);
    assert_eq!(unmap_range(page(7), 1), 0);
}

/// What the entry for a mapped page says of it.
fn flags(page: VirtAddr) -> Flags {
    Flags::from_bits_truncate(leaf_table(Tables::kernel(), page).unwrap().get(index(page, 1)).0)
}

#[test]
fn no_page_is_both_writable_and_executable() {
    let _machine = machine();
    for access in [Access::ReadOnly, Access::ReadWrite, Access::ReadExecute] {
        let frame = frames::allocate().unwrap();
        Tables::kernel().map(page(0), frame, access).unwrap();
        map_fresh(page(1), 2, access).unwrap();
        for index in 0..3 {
            let flags = flags(page(index));
            assert_eq!(flags.contains(Flags::WRITABLE), access == Access::ReadWrite);
            assert_eq!(!flags.contains(Flags::NO_EXECUTE), access == Access::ReadExecute);
        }
        unmap_range(page(0), 3);
    }
}

#[test]
fn a_shared_frame_is_never_writable_and_outlives_all_its_pages() {
    let _machine = machine();
    let before = frames::counts();
    let owned: Vec<Frame> = (0..3).map(|_| frames::allocate().unwrap()).collect();
    let with_frames = frames::counts();
    // SAFETY: nobody writes to the frames, and they are freed below, after the last page.
    let map_shared = |start, access| unsafe { Tables::kernel().map_shared(start, &owned, access) };
    for (start, access) in [(0, Access::ReadOnly), (100, Access::ReadExecute), (700, Access::ReadOnly)] {
        map_shared(page(start), access).unwrap();
        for (index, frame) in (start..).zip(&owned) {
            assert_eq!(translate(page(index)), Some(frame.address()));
            let flags = flags(page(index));
            assert!(!flags.contains(Flags::WRITABLE));
            assert_eq!(!flags.contains(Flags::NO_EXECUTE), access == Access::ReadExecute);
        }
    }
    assert_eq!(map_shared(page(200), Access::ReadWrite), Err(MapError::Shared));
    // One that fails halfway leaves nothing mapped, and frees none of them either.
    assert_eq!(map_shared(page(98), Access::ReadOnly), Err(MapError::InUse(page(100))));
    assert_eq!((translate(page(98)), translate(page(99))), (None, None));
    assert_eq!(unmap_range(page(0), 1000), 9);
    assert_eq!(frames::counts(), with_frames, "the tables are freed, and the frames are not");
    drop(owned);
    assert_eq!(frames::counts(), before);
}

#[test]
fn fresh_pages_are_zero_although_their_frames_were_written_before() {
    let _machine = machine();
    for _ in 0..2 {
        map_fresh(page(0), 8, Access::ReadWrite).unwrap();
        for index in 0..8 {
            let bytes = physical(translate(page(index)).unwrap());
            // SAFETY: the frame is mapped for this test alone.
            let bytes = unsafe { core::slice::from_raw_parts_mut(bytes, PAGE_SIZE) };
            assert!(bytes.iter().all(|&byte| byte == 0));
            bytes.fill(0xff);
        }
        unmap_range(page(0), 8);
    }
}
