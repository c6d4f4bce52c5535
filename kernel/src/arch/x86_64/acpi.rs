//! What the firmware says about interrupt controllers: the ACPI MADT.

use core::pin::Pin;
use core::ptr::NonNull;

use ::acpi::madt::{Madt, MadtEntry};
use ::acpi::{AcpiError, AcpiHandler, AcpiTables, PhysicalMapping};
use x86_64::PhysAddr;

use crate::memory;

/// How an interrupt line is wired. (ACPI 6.5, table 5.26.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Number at the I/O APICs.
    pub global: u32,
    /// Active when low.
    pub active_low: bool,
    /// Held while it asks, instead of pulsed.
    pub level: bool,
}

/// Where the interrupt controllers are.
#[derive(Clone, Debug)]
pub struct Interrupts {
    /// The local APICs' registers.
    pub local_apic: PhysAddr,
    /// The I/O APIC that serves the ISA lines.
    pub io_apic: PhysAddr,
    /// First global number it serves.
    pub io_apic_base: u32,
    /// The 16 ISA lines.
    pub isa: [Line; 16],
    /// Processors that can be started, the boot processor included.
    pub processors: usize,
}

impl Interrupts {
    /// The classic PC, for firmware that says nothing.
    pub const CLASSIC: Interrupts = {
        let mut isa = [Line { global: 0, active_low: false, level: false }; 16];
        let mut i = 0;
        while i < isa.len() {
            isa[i].global = i as u32;
            i += 1;
        }
        Interrupts {
            local_apic: PhysAddr::new_truncate(0xfee0_0000),
            io_apic: PhysAddr::new_truncate(0xfec0_0000),
            io_apic_base: 0,
            isa,
            processors: 1,
        }
    };
}

/// Reads the MADT. `rsdp` is where the loader found the root pointer; without it the BIOS area is searched.
pub fn interrupts(rsdp: Option<PhysAddr>) -> Result<Interrupts, AcpiError> {
    // SAFETY: the root pointer comes from the loader, or the search stays in the BIOS area, which is mapped and
    // not usable memory. The tables it leads to are checked by their sums.
    let tables = unsafe {
        match rsdp {
            Some(address) => AcpiTables::from_rsdp(PhysicalWindow, address.as_u64() as usize)?,
            None => AcpiTables::search_for_rsdp_bios(PhysicalWindow)?,
        }
    };
    let mapping = tables.find_table::<Madt>()?;
    // SAFETY: the table lies in the physical window and is never moved.
    let madt: Pin<&Madt> = unsafe { Pin::new_unchecked(mapping.virtual_start().as_ref()) };
    Ok(read(madt))
}

fn read(madt: Pin<&Madt>) -> Interrupts {
    const ISA_BUS: u8 = 0;
    const USABLE: u32 = 0b11;
    let mut found = Interrupts::CLASSIC;
    found.local_apic = PhysAddr::new_truncate(u64::from(madt.local_apic_address));
    found.processors = 0;
    for entry in madt.entries() {
        match entry {
            MadtEntry::LocalApic(entry) if { entry.flags } & USABLE != 0 => found.processors += 1,
            MadtEntry::LocalX2Apic(entry) if { entry.flags } & USABLE != 0 => found.processors += 1,
            MadtEntry::LocalApicAddressOverride(entry) => {
                found.local_apic = PhysAddr::new_truncate(entry.local_apic_address);
            }
            MadtEntry::IoApic(entry) if { entry.global_system_interrupt_base } == 0 => {
                found.io_apic = PhysAddr::new_truncate(u64::from(entry.io_apic_address));
            }
            MadtEntry::InterruptSourceOverride(entry) if entry.bus == ISA_BUS => {
                if let Some(line) = found.isa.get_mut(usize::from(entry.irq)) {
                    // Bits 0-1 polarity, 2-3 trigger; 3 is low or level, 0 the bus's own (high, edge).
                    let flags = { entry.flags };
                    line.global = entry.global_system_interrupt;
                    line.active_low = flags & 3 == 3;
                    line.level = (flags >> 2) & 3 == 3;
                }
            }
            _ => {}
        }
    }
    found
}

/// Reaches tables through the mapping of all physical memory.
#[derive(Clone, Copy)]
struct PhysicalWindow;

impl AcpiHandler for PhysicalWindow {
    unsafe fn map_physical_region<T>(&self, address: usize, size: usize) -> PhysicalMapping<Self, T> {
        let pointer = memory::physical(PhysAddr::new_truncate(address as u64)).cast::<T>();
        let pointer = NonNull::new(pointer).expect("the physical window does not start at 0");
        // SAFETY: all physical memory stays mapped, so there is nothing to undo.
        unsafe { PhysicalMapping::new(address, pointer, size, size, *self) }
    }

    fn unmap_physical_region<T>(_region: &PhysicalMapping<Self, T>) {}
}
