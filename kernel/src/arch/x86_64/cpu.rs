//! Processor features: what is switched on at start, and what CPUID says.

use core::arch::asm;

use contracts::freestanding;
use raw_cpuid::{CpuId, CpuIdReaderNative};
use x86_64::registers::control::{Cr0, Cr0Flags, Cr4, Cr4Flags, Efer, EferFlags};

/// Switches on SSE, with all floating-point exceptions masked. Must come before any code that formats text:
/// precompiled `core` uses SSE2, and not every loader leaves it enabled. (SDM vol. 1, 13.1.3 and vol. 3, 10.6.)
#[inline(always)]
pub fn enable_sse() {
    // SAFETY: at CPL 0; sets CR0.MP and NE, clears EM and TS, sets CR4.OSFXSR and OSXMMEXCPT, and resets the
    // two floating-point units. No code before this point holds floating-point state.
    unsafe {
        asm!(
            "mov {r}, cr0",
            "and {r}, -13", // EM, TS
            "or {r}, 0x22", // MP, NE
            "mov cr0, {r}",
            "mov {r}, cr4",
            "or {r}, 0x600",
            "mov cr4, {r}",
            "fninit",
            "push 0x1f80",
            "ldmxcsr [rsp]",
            "pop {r}",
            r = out(reg) _,
        );
    }
}

/// CPUID, as this processor answers it.
pub fn id() -> CpuId<CpuIdReaderNative> {
    CpuId::new()
}

/// Switches on the protections this processor has: no-execute, write protection in ring 0, global pages, and no
/// execution (SMEP), access (SMAP) or descriptor-table reads (UMIP) that reach into user pages. Also picks how
/// memory is copied.
pub fn enable_features() {
    let id = id();
    let extended = id.get_extended_feature_info();
    let has = |test: fn(&raw_cpuid::ExtendedFeatures) -> bool| extended.as_ref().is_some_and(test);

    let mut cr4 = Cr4Flags::PAGE_GLOBAL;
    if has(|f| f.has_smep()) {
        cr4 |= Cr4Flags::SUPERVISOR_MODE_EXECUTION_PROTECTION;
    }
    if has(|f| f.has_smap()) {
        cr4 |= Cr4Flags::SUPERVISOR_MODE_ACCESS_PREVENTION;
    }
    if has(|f| f.has_umip()) {
        cr4 |= Cr4Flags::USER_MODE_INSTRUCTION_PREVENTION;
    }
    // SAFETY: NX and WP restrict only what page tables already forbid; the kernel has no user pages for SMEP
    // and SMAP to cut off, and each CR4 bit was found in CPUID (PGE is part of every x86-64 processor).
    unsafe {
        Efer::update(|efer| efer.insert(EferFlags::NO_EXECUTE_ENABLE));
        Cr0::update(|cr0| cr0.insert(Cr0Flags::WRITE_PROTECT));
        Cr4::update(|flags| flags.insert(cr4));
    }

    if has(|f| f.has_rep_movsb_stosb()) && !under_tcg() {
        freestanding::choose(freestanding::Strategy::Rep);
    }
}

/// Whether QEMU's code generator stands in for the processor.
pub fn under_tcg() -> bool {
    let leaf = core::arch::x86_64::__cpuid(0x4000_0000);
    let mut name = [0; 12];
    for (part, register) in name.chunks_exact_mut(4).zip([leaf.ebx, leaf.ecx, leaf.edx]) {
        part.copy_from_slice(&register.to_le_bytes());
    }
    &name == b"TCGTCGTCGTCG"
}
