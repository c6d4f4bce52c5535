//! The two 32-bit entry points and the way from there to long mode.
//!
//! Both protocols start the processor in flat 32-bit protected mode without paging and hand over a physical
//! address in `ebx`. The code here identity-maps the first 4 GiB with 2 MiB pages, enters long mode, switches
//! SSE on (compiled Rust uses it) and calls [`crate::start`].

use core::arch::global_asm;

pvh::xen_elfnote_phys32_entry!(pvh_entry);

unsafe extern "C" {
    /// Where a PVH boot starts (Xen `xen_elfnote.h`, `XEN_ELFNOTE_PHYS32_ENTRY`).
    fn pvh_entry() -> !;
}

/// `eax` of a PVH boot as [`crate::start`] sees it: the protocol leaves `eax` undefined, so the entry sets it to
/// the start-info magic.
pub(crate) const PVH_MAGIC: u32 = pvh::start_info::START_MAGIC_VALUE;

// The Multiboot2 header (specification 2.0, section 3.1). The checksum makes the four header fields add up to 0.
// Tags: 1 asks for memory map (6), old and new ACPI RSDP (14, 15) as optional information; 6 asks for
// page-aligned modules; 0 ends the list.
global_asm!(
    r#"
    .section .multiboot2, "a", @progbits
    .balign 8
    .globl multiboot2_header
multiboot2_header:
    .long 0xe85250d6
    .long 0
    .long multiboot2_header_end - multiboot2_header
    .long -(0xe85250d6 + 0 + (multiboot2_header_end - multiboot2_header))

    .balign 8
    .short 1, 1
    .long 20
    .long 6, 14, 15

    .balign 8
    .short 6, 0
    .long 8

    .balign 8
    .short 0, 0
    .long 8
multiboot2_header_end:

    .section .bss.boot, "aw", @nobits
    .balign 4096
boot_p4: .skip 4096
boot_p3: .skip 4096
boot_p2: .skip 4 * 4096
    .globl boot_stack_top
boot_stack: .skip 64 * 1024
boot_stack_top:

    .section .data.boot, "aw", @progbits
    .balign 8
boot_gdt:
    .quad 0
    .quad 0x00af9a000000ffff
    .quad 0x00cf92000000ffff
boot_gdt_end:
boot_gdt_pointer:
    .short boot_gdt_end - boot_gdt - 1
    .quad boot_gdt

    .section .text.boot, "ax", @progbits
    .code32
    .globl pvh_entry
pvh_entry:
    mov $0x336ec578, %eax
    .globl multiboot2_entry
multiboot2_entry:
    cli
    cld
    mov $boot_stack_top, %esp
    mov %eax, %ebp              # protocol magic; ebx: its structure

    movl $boot_p3 + 3, boot_p4
    mov $boot_p2 + 3, %eax
    mov $boot_p3, %edi
    mov $4, %ecx
1:  mov %eax, (%edi)
    add $4096, %eax
    add $8, %edi
    loop 1b

    mov $0x83, %eax             # present, writable, 2 MiB
    mov $boot_p2, %edi
    mov $2048, %ecx
2:  mov %eax, (%edi)
    add $0x200000, %eax
    add $8, %edi
    loop 2b

    mov $boot_p4, %eax
    mov %eax, %cr3
    mov %cr4, %eax
    or $0x620, %eax             # PAE, OSFXSR, OSXMMEXCPT
    mov %eax, %cr4
    mov $0xc0000080, %ecx       # EFER: long mode, no-execute
    rdmsr
    or $0x900, %eax
    wrmsr
    mov %cr0, %eax
    and $0xfffffffb, %eax       # no FPU emulation
    or $0x80010002, %eax        # paging, write protection in ring 0, monitor coprocessor
    mov %eax, %cr0

    lgdt boot_gdt_pointer
    ljmp $0x08, $3f

    .code64
3:  mov $0x10, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    xor %eax, %eax
    mov %eax, %fs
    mov %eax, %gs
    mov %ebp, %edi
    mov %ebx, %esi
    xor %ebp, %ebp
    call {start}
    ud2
    "#,
    start = sym crate::start,
    options(att_syntax),
);
