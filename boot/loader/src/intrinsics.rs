//! The C symbols that precompiled `core` calls.
//!
//! Naked assembly: written in Rust, the compiler would turn each into a call to itself. Plain 8-byte loops, since
//! string instructions run byte by byte under QEMU's TCG.

use core::arch::naked_asm;

/// Unwinding never starts here; the symbol only satisfies references in precompiled `core`.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

/// C `memcpy`.
#[unsafe(no_mangle)]
#[unsafe(naked)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, bytes: usize) -> *mut u8 {
    naked_asm!(
        "mov rax, rdi",
        "mov rcx, rdx",
        "shr rcx, 4",
        "jz 3f",
        "2:",
        "movups xmm0, [rsi]",
        "movups [rdi], xmm0",
        "add rsi, 16",
        "add rdi, 16",
        "dec rcx",
        "jnz 2b",
        "3:",
        "and edx, 15",
        "jz 5f",
        "4:",
        "mov cl, [rsi]",
        "mov [rdi], cl",
        "inc rsi",
        "inc rdi",
        "dec edx",
        "jnz 4b",
        "5:",
        "ret",
    )
}

/// C `memmove`.
#[unsafe(no_mangle)]
#[unsafe(naked)]
unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, bytes: usize) -> *mut u8 {
    naked_asm!(
        "mov rax, rdi",
        "mov rcx, rdi",
        "sub rcx, rsi",
        "cmp rcx, rdx",
        "jae {memcpy}", // the destination does not start inside the source: forwards is safe
        "2:",
        "dec rdx",
        "js 3f",
        "mov cl, [rsi + rdx]",
        "mov [rdi + rdx], cl",
        "jmp 2b",
        "3:",
        "ret",
        memcpy = sym memcpy,
    )
}

/// C `memset`.
#[unsafe(no_mangle)]
#[unsafe(naked)]
unsafe extern "C" fn memset(to: *mut u8, byte: i32, bytes: usize) -> *mut u8 {
    naked_asm!(
        "mov rax, rdi",
        "movzx esi, sil",
        "mov rcx, 0x0101010101010101",
        "imul rsi, rcx",
        "mov rcx, rdx",
        "shr rcx, 3",
        "jz 3f",
        "2:",
        "mov [rdi], rsi",
        "add rdi, 8",
        "dec rcx",
        "jnz 2b",
        "3:",
        "and edx, 7",
        "jz 5f",
        "4:",
        "mov [rdi], sil",
        "inc rdi",
        "dec edx",
        "jnz 4b",
        "5:",
        "ret",
    )
}

/// C `memcmp`.
#[unsafe(no_mangle)]
#[unsafe(naked)]
unsafe extern "C" fn memcmp(left: *const u8, right: *const u8, bytes: usize) -> i32 {
    naked_asm!(
        "xor eax, eax",
        "xor r8d, r8d",
        "2:",
        "cmp r8, rdx",
        "je 3f",
        "movzx eax, byte ptr [rdi + r8]",
        "movzx ecx, byte ptr [rsi + r8]",
        "inc r8",
        "sub eax, ecx",
        "je 2b",
        "3:",
        "ret",
    )
}

/// C `bcmp`.
#[unsafe(no_mangle)]
#[unsafe(naked)]
unsafe extern "C" fn bcmp(left: *const u8, right: *const u8, bytes: usize) -> i32 {
    naked_asm!("jmp {memcmp}", memcmp = sym memcmp)
}

/// C `strlen`.
#[unsafe(no_mangle)]
#[unsafe(naked)]
unsafe extern "C" fn strlen(text: *const u8) -> usize {
    naked_asm!("xor eax, eax", "2:", "cmp byte ptr [rdi + rax], 0", "je 3f", "inc rax", "jmp 2b", "3:", "ret",)
}
