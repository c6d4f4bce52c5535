//! Segments, the task state segment with its interrupt stacks, and the interrupt descriptor table.

use core::cell::UnsafeCell;
use core::ptr::addr_of;

use x86_64::instructions::segmentation::{CS, DS, ES, FS, SS, Segment};
use x86_64::instructions::tables::{lidt, load_tss};
use x86_64::registers::segmentation::SegmentSelector;
use x86_64::structures::DescriptorTablePointer;
use x86_64::structures::gdt::{Descriptor, GlobalDescriptorTable};
use x86_64::structures::idt::Entry;
use x86_64::structures::tss::TaskStateSegment;
use x86_64::{PrivilegeLevel, VirtAddr};

use super::trap;
use crate::memory::stacks::{Stack, StackError};

/// Which stack of the interrupt stack table a vector runs on. Stacks never nest: an interrupt handler runs with
/// interrupts off, so only an exception, NMI or machine check can come on top of it, each on its own stack.
#[derive(Clone, Copy)]
#[repr(u16)]
enum InterruptStack {
    Interrupt = 0,
    Exception = 1,
    DoubleFault = 2,
    Nmi = 3,
    MachineCheck = 4,
}

const INTERRUPT_STACKS: usize = 5;
const EARLY_STACK_BYTES: usize = 16 * 1024;
/// The guarded stacks that replace the early ones.
const STACK_PAGES: usize = 4;

const VECTOR_DOUBLE_FAULT: usize = 8;
const VECTOR_NMI: usize = 2;
const VECTOR_MACHINE_CHECK: usize = 18;

/// Ring 0's code.
pub(super) const KERNEL_CODE: SegmentSelector = SegmentSelector::new(1, PrivilegeLevel::Ring0);
/// Ring 0's data.
pub(super) const KERNEL_DATA: SegmentSelector = SegmentSelector::new(2, PrivilegeLevel::Ring0);
/// Ring 3's data.
pub(super) const USER_DATA: SegmentSelector = SegmentSelector::new(3, PrivilegeLevel::Ring3);
/// Ring 3's code, in 64-bit mode; there is no other.
pub(super) const USER_CODE: SegmentSelector = SegmentSelector::new(4, PrivilegeLevel::Ring3);

#[repr(C, align(16))]
struct EarlyStack([u8; EARLY_STACK_BYTES]);

/// What the processor reads behind the compiler's back.
struct Tables {
    gdt: GlobalDescriptorTable,
    tss: TaskStateSegment,
    idt: [Entry<()>; 256],
    early_stacks: [EarlyStack; INTERRUPT_STACKS],
}

#[repr(align(16))]
struct BootTables(UnsafeCell<Tables>);

// SAFETY: written only by `load` and `guard_interrupt_stacks`, which run on the boot core, once each, while no
// other core runs and interrupts are off.
unsafe impl Sync for BootTables {}

static TABLES: BootTables = BootTables(UnsafeCell::new(Tables {
    gdt: GlobalDescriptorTable::new(),
    tss: TaskStateSegment::new(),
    idt: [const { Entry::missing() }; 256],
    early_stacks: [const { EarlyStack([0; EARLY_STACK_BYTES]) }; INTERRUPT_STACKS],
}));

/// Loads the kernel's own GDT, TSS and IDT on the boot core. Interrupts must be off; called once.
pub fn load() {
    let tables = TABLES.0.get();
    // SAFETY: the only access at this time (see `Sync` above); the tables are static, so the processor may keep
    // reading them, and every selector loaded below was just made in the table that is loaded.
    unsafe {
        let tss = addr_of!((*tables).tss);
        for (i, stack) in (*tables).early_stacks.iter().enumerate() {
            let top = stack.0.as_ptr_range().end as u64;
            (*tables).tss.interrupt_stack_table[i] = VirtAddr::new(top);
        }
        let gdt = &mut (*tables).gdt;
        let code = gdt.append(Descriptor::kernel_code_segment());
        let data = gdt.append(Descriptor::kernel_data_segment());
        // SYSRET wants them right behind each other, data first. (SDM vol. 2B, SYSRET)
        let user_data = gdt.append(Descriptor::user_data_segment());
        let user_code = gdt.append(Descriptor::user_code_segment());
        assert_eq!([code, data, user_data, user_code], [KERNEL_CODE, KERNEL_DATA, USER_DATA, USER_CODE]);
        let task = gdt.append(Descriptor::tss_segment_unchecked(tss));
        (*tables).gdt.load_unsafe();
        CS::set_reg(code);
        SS::set_reg(data);
        for set in [DS::set_reg, ES::set_reg, FS::set_reg] {
            set(SegmentSelector::NULL);
        }
        load_tss(task);

        for (vector, entry) in (*tables).idt.iter_mut().enumerate() {
            let stack = match vector {
                VECTOR_DOUBLE_FAULT => InterruptStack::DoubleFault,
                VECTOR_NMI => InterruptStack::Nmi,
                VECTOR_MACHINE_CHECK => InterruptStack::MachineCheck,
                0..32 => InterruptStack::Exception,
                _ => InterruptStack::Interrupt,
            };
            entry.set_handler_addr(trap::stub(vector)).set_stack_index(stack as u16);
        }
        let idt = addr_of!((*tables).idt);
        lidt(&DescriptorTablePointer { limit: size_of_val(&*idt) as u16 - 1, base: VirtAddr::from_ptr(idt) });
    }
}

/// Replaces the early interrupt stacks by ones with a guard page below. Interrupts must be off; called once.
pub fn guard_interrupt_stacks() -> Result<(), StackError> {
    for i in 0..INTERRUPT_STACKS {
        let stack = Stack::allocate(STACK_PAGES)?;
        // SAFETY: see `Sync` above; the processor reads the field only when it takes an interrupt, and no stack
        // of the table is in use while this runs.
        unsafe { (*TABLES.0.get()).tss.interrupt_stack_table[i] = stack.top() };
        // The processor uses it for as long as the machine runs.
        core::mem::forget(stack);
    }
    Ok(())
}
