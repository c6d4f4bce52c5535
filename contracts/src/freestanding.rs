//! memcpy and its kin, which the compiler expects and which no C library supplies to a freestanding image.
//!
//! They are written in assembly because Rust loops of this shape are compiled into calls to the very functions
//! they define. Large areas are moved by `rep movsb`/`rep stosb` only where [`choose`] was told so: hardware
//! with ERMS does a cache line per step, but TCG goes byte by byte, 10 to 30 times slower than the SSE loop.
//!
//! The functions have ordinary Rust names here, so that a host program can link this crate; a freestanding image
//! gives them their C names by [`crate::export_memory_functions`], once.

use core::arch::naked_asm;
use core::sync::atomic::{AtomicU8, Ordering};

/// How large areas are moved and filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// 64 bytes per turn in SSE registers: good everywhere.
    Sse,
    /// `rep` string instructions: better on hardware with ERMS.
    Rep,
}

/// Not 0 if areas of at least 2048 bytes go by `rep`.
static USE_REP: AtomicU8 = AtomicU8::new(0);

/// Sets how large areas are moved from now on. Starts as [`Strategy::Sse`].
pub fn choose(strategy: Strategy) {
    USE_REP.store(u8::from(strategy == Strategy::Rep), Ordering::Relaxed);
}

/// C's memcpy. Areas that overlap are treated as by [`memmove`].
///
/// # Safety
/// `source` is valid for reads and `target` for writes of `count` bytes.
#[unsafe(naked)]
pub unsafe extern "C" fn memcpy(target: *mut u8, source: *const u8, count: usize) -> *mut u8 {
    naked_asm!("jmp {memmove}", memmove = sym memmove)
}

/// C's memmove.
///
/// # Safety
/// `source` is valid for reads and `target` for writes of `count` bytes.
#[unsafe(naked)]
pub unsafe extern "C" fn memmove(target: *mut u8, source: *const u8, count: usize) -> *mut u8 {
    naked_asm!(
        "mov rax, rdi",
        "cmp rdx, 16",
        "jb 50f",
        "cmp rdx, 32",
        "ja 20f",
        // 16 to 32 bytes: the first and the last 16, which may overlap.
        "movups xmm0, [rsi]",
        "movups xmm1, [rsi + rdx - 16]",
        "movups [rdi], xmm0",
        "movups [rdi + rdx - 16], xmm1",
        "ret",
        "20:",
        "cmp rdx, 64",
        "ja 30f",
        // 33 to 64 bytes.
        "movups xmm0, [rsi]",
        "movups xmm1, [rsi + 16]",
        "movups xmm2, [rsi + rdx - 32]",
        "movups xmm3, [rsi + rdx - 16]",
        "movups [rdi], xmm0",
        "movups [rdi + 16], xmm1",
        "movups [rdi + rdx - 32], xmm2",
        "movups [rdi + rdx - 16], xmm3",
        "ret",
        "30:",
        // The target begins inside the source: from the end.
        "mov rcx, rdi",
        "sub rcx, rsi",
        "cmp rcx, rdx",
        "jb 40f",
        "cmp rdx, 2048",
        "jb 31f",
        "cmp byte ptr [rip + {use_rep}], 0",
        "je 31f",
        "mov rcx, rdx",
        "rep movsb",
        "ret",
        "31:",
        // Forwards. The last 64 bytes are read before a store can reach them.
        "movups xmm4, [rsi + rdx - 64]",
        "movups xmm5, [rsi + rdx - 48]",
        "movups xmm6, [rsi + rdx - 32]",
        "movups xmm7, [rsi + rdx - 16]",
        "lea r8, [rdi + rdx - 64]",
        "32:",
        "movups xmm0, [rsi]",
        "movups xmm1, [rsi + 16]",
        "movups xmm2, [rsi + 32]",
        "movups xmm3, [rsi + 48]",
        "movups [rdi], xmm0",
        "movups [rdi + 16], xmm1",
        "movups [rdi + 32], xmm2",
        "movups [rdi + 48], xmm3",
        "add rsi, 64",
        "add rdi, 64",
        "cmp rdi, r8",
        "jb 32b",
        "movups [r8], xmm4",
        "movups [r8 + 16], xmm5",
        "movups [r8 + 32], xmm6",
        "movups [r8 + 48], xmm7",
        "ret",
        "40:",
        // Backwards. The first 64 bytes are read before a store can reach them.
        "movups xmm4, [rsi]",
        "movups xmm5, [rsi + 16]",
        "movups xmm6, [rsi + 32]",
        "movups xmm7, [rsi + 48]",
        "add rsi, rdx",
        "lea r8, [rdi + rdx]",
        "lea r9, [rdi + 64]",
        "41:",
        "movups xmm0, [rsi - 16]",
        "movups xmm1, [rsi - 32]",
        "movups xmm2, [rsi - 48]",
        "movups xmm3, [rsi - 64]",
        "movups [r8 - 16], xmm0",
        "movups [r8 - 32], xmm1",
        "movups [r8 - 48], xmm2",
        "movups [r8 - 64], xmm3",
        "sub rsi, 64",
        "sub r8, 64",
        "cmp r8, r9",
        "ja 41b",
        "movups [rdi], xmm4",
        "movups [rdi + 16], xmm5",
        "movups [rdi + 32], xmm6",
        "movups [rdi + 48], xmm7",
        "ret",
        "50:",
        "test dl, 8",
        "jz 51f",
        "mov rcx, [rsi]",
        "mov r8, [rsi + rdx - 8]",
        "mov [rdi], rcx",
        "mov [rdi + rdx - 8], r8",
        "ret",
        "51:",
        "test dl, 4",
        "jz 52f",
        "mov ecx, [rsi]",
        "mov r8d, [rsi + rdx - 4]",
        "mov [rdi], ecx",
        "mov [rdi + rdx - 4], r8d",
        "ret",
        "52:",
        "test dl, 2",
        "jz 53f",
        "movzx ecx, word ptr [rsi]",
        "movzx r8d, word ptr [rsi + rdx - 2]",
        "mov [rdi], cx",
        "mov [rdi + rdx - 2], r8w",
        "ret",
        "53:",
        "test dl, 1",
        "jz 54f",
        "mov cl, [rsi]",
        "mov [rdi], cl",
        "54:",
        "ret",
        use_rep = sym USE_REP,
    )
}

/// C's memset: fills with the low byte of `value`.
///
/// # Safety
/// `target` is valid for writes of `count` bytes.
#[unsafe(naked)]
pub unsafe extern "C" fn memset(target: *mut u8, value: i32, count: usize) -> *mut u8 {
    naked_asm!(
        "mov rax, rdi",
        "movzx esi, sil",
        "mov rcx, 0x0101010101010101",
        "imul rcx, rsi",
        "cmp rdx, 16",
        "jb 50f",
        "cmp rdx, 2048",
        "jb 20f",
        "cmp byte ptr [rip + {use_rep}], 0",
        "je 20f",
        "mov r8, rdi",
        "mov eax, esi",
        "mov rcx, rdx",
        "rep stosb",
        "mov rax, r8",
        "ret",
        "20:",
        "movq xmm0, rcx",
        "punpcklqdq xmm0, xmm0",
        "lea r8, [rdi + rdx - 16]",
        "sub rdx, 128",
        "jb 22f",
        "21:",
        "movups [rdi], xmm0",
        "movups [rdi + 16], xmm0",
        "movups [rdi + 32], xmm0",
        "movups [rdi + 48], xmm0",
        "movups [rdi + 64], xmm0",
        "movups [rdi + 80], xmm0",
        "movups [rdi + 96], xmm0",
        "movups [rdi + 112], xmm0",
        "add rdi, 128",
        "sub rdx, 128",
        "jae 21b",
        "22:",
        "add rdx, 128",
        "cmp rdx, 64",
        "jb 30f",
        "movups [rdi], xmm0",
        "movups [rdi + 16], xmm0",
        "movups [rdi + 32], xmm0",
        "movups [rdi + 48], xmm0",
        "add rdi, 64",
        "sub rdx, 64",
        "30:",
        "cmp rdx, 16",
        "jb 31f",
        "movups [rdi], xmm0",
        "add rdi, 16",
        "sub rdx, 16",
        "jmp 30b",
        "31:",
        "movups [r8], xmm0",
        "ret",
        "50:",
        "test dl, 8",
        "jz 51f",
        "mov [rdi], rcx",
        "mov [rdi + rdx - 8], rcx",
        "ret",
        "51:",
        "test dl, 4",
        "jz 52f",
        "mov [rdi], ecx",
        "mov [rdi + rdx - 4], ecx",
        "ret",
        "52:",
        "test dl, 2",
        "jz 53f",
        "mov [rdi], cx",
        "mov [rdi + rdx - 2], cx",
        "ret",
        "53:",
        "test dl, 1",
        "jz 54f",
        "mov [rdi], cl",
        "54:",
        "ret",
        use_rep = sym USE_REP,
    )
}

/// C's memcmp: the difference of the first two bytes that differ, or 0.
///
/// # Safety
/// Both pointers are valid for reads of `count` bytes.
#[unsafe(naked)]
pub unsafe extern "C" fn memcmp(left: *const u8, right: *const u8, count: usize) -> i32 {
    naked_asm!(
        "sub rdx, 128",
        "jb 15f",
        "10:",
        // 128 bytes per turn, as long as they are equal.
        "movups xmm0, [rdi]",
        "movups xmm1, [rsi]",
        "movups xmm2, [rdi + 16]",
        "movups xmm3, [rsi + 16]",
        "movups xmm4, [rdi + 32]",
        "movups xmm5, [rsi + 32]",
        "movups xmm6, [rdi + 48]",
        "movups xmm7, [rsi + 48]",
        "movups xmm8, [rdi + 64]",
        "movups xmm9, [rsi + 64]",
        "movups xmm10, [rdi + 80]",
        "movups xmm11, [rsi + 80]",
        "movups xmm12, [rdi + 96]",
        "movups xmm13, [rsi + 96]",
        "movups xmm14, [rdi + 112]",
        "movups xmm15, [rsi + 112]",
        "pcmpeqb xmm0, xmm1",
        "pcmpeqb xmm2, xmm3",
        "pcmpeqb xmm4, xmm5",
        "pcmpeqb xmm6, xmm7",
        "pcmpeqb xmm8, xmm9",
        "pcmpeqb xmm10, xmm11",
        "pcmpeqb xmm12, xmm13",
        "pcmpeqb xmm14, xmm15",
        "pand xmm0, xmm2",
        "pand xmm4, xmm6",
        "pand xmm8, xmm10",
        "pand xmm12, xmm14",
        "pand xmm0, xmm4",
        "pand xmm8, xmm12",
        "pand xmm0, xmm8",
        "pmovmskb eax, xmm0",
        "cmp eax, 0xffff",
        "jne 15f",
        "add rdi, 128",
        "add rsi, 128",
        "sub rdx, 128",
        "jae 10b",
        "15:",
        "add rdx, 128",
        "20:",
        "cmp rdx, 16",
        "jb 30f",
        "movups xmm0, [rdi]",
        "movups xmm1, [rsi]",
        "pcmpeqb xmm0, xmm1",
        "pmovmskb eax, xmm0",
        "xor eax, 0xffff",
        "jnz 25f",
        "add rdi, 16",
        "add rsi, 16",
        "sub rdx, 16",
        "jmp 20b",
        "25:",
        "bsf ecx, eax",
        "movzx eax, byte ptr [rdi + rcx]",
        "movzx edx, byte ptr [rsi + rcx]",
        "sub eax, edx",
        "ret",
        "30:",
        "test rdx, rdx",
        "jz 40f",
        "movzx eax, byte ptr [rdi]",
        "movzx ecx, byte ptr [rsi]",
        "sub eax, ecx",
        "jnz 41f",
        "inc rdi",
        "inc rsi",
        "dec rdx",
        "jmp 30b",
        "40:",
        "xor eax, eax",
        "41:",
        "ret",
    )
}

/// BSD's bcmp: not 0 if the areas differ.
///
/// # Safety
/// As for [`memcmp`].
#[unsafe(naked)]
pub unsafe extern "C" fn bcmp(left: *const u8, right: *const u8, count: usize) -> i32 {
    naked_asm!("jmp {memcmp}", memcmp = sym memcmp)
}

/// C's strlen.
///
/// # Safety
/// `text` is valid for reads up to and including its first zero byte.
#[unsafe(naked)]
pub unsafe extern "C" fn strlen(text: *const u8) -> usize {
    naked_asm!("mov rax, -1", "20:", "inc rax", "cmp byte ptr [rdi + rax], 0", "jne 20b", "ret")
}

/// Gives the functions of [`freestanding`](crate::freestanding) the names by which the compiler calls them.
#[macro_export]
macro_rules! export_memory_functions {
    () => {
        ::core::arch::global_asm!(
            ".globl memcpy", "memcpy: jmp {memcpy}",
            ".globl memmove", "memmove: jmp {memmove}",
            ".globl memset", "memset: jmp {memset}",
            ".globl memcmp", "memcmp: jmp {memcmp}",
            ".globl bcmp", "bcmp: jmp {bcmp}",
            ".globl strlen", "strlen: jmp {strlen}",
            ".globl rust_eh_personality", "rust_eh_personality: ud2",
            // Nothing unwinds; the precompiled libraries refer to it all the same.
            ".globl _Unwind_Resume", "_Unwind_Resume: ud2",
            memcpy = sym $crate::freestanding::memcpy,
            memmove = sym $crate::freestanding::memmove,
            memset = sym $crate::freestanding::memset,
            memcmp = sym $crate::freestanding::memcmp,
            bcmp = sym $crate::freestanding::bcmp,
            strlen = sym $crate::freestanding::strlen,
        );
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    const SIZES: [usize; 24] =
        [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 1000, 2048, 5000];

    fn pattern(length: usize) -> Vec<u8> {
        (0..length).map(|i| (i * 31 + i / 251) as u8).collect()
    }

    #[test]
    fn memmove_moves_exactly_its_bytes_whatever_the_overlap() {
        for strategy in [Strategy::Sse, Strategy::Rep] {
            choose(strategy);
            for size in SIZES {
                for shift in [0usize, 1, 3, 15, 16, 17, 64, 100] {
                    for (from, to) in [(shift, 0), (0, shift)] {
                        let mut ours = pattern(size + 300);
                        let mut theirs = ours.clone();
                        theirs.copy_within(from..from + size, to);
                        // SAFETY: both areas end before `ours` does.
                        let result = unsafe {
                            let base = ours.as_mut_ptr();
                            memmove(base.add(to), base.add(from), size).offset_from(base)
                        };
                        assert_eq!(result, to as isize);
                        assert_eq!(ours, theirs, "{size} bytes from {from} to {to}, {strategy:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn memset_fills_exactly_its_bytes() {
        for strategy in [Strategy::Sse, Strategy::Rep] {
            choose(strategy);
            for size in SIZES {
                let mut ours = pattern(size + 40);
                let mut theirs = ours.clone();
                theirs[7..7 + size].fill(0xa5);
                // SAFETY: the area ends before `ours` does.
                unsafe { memset(ours.as_mut_ptr().add(7), 0x3a5, size) };
                assert_eq!(ours, theirs, "{size} bytes, {strategy:?}");
            }
        }
    }

    #[test]
    fn memcmp_orders_by_the_first_byte_that_differs() {
        for size in SIZES {
            let left = pattern(size);
            // SAFETY: both areas are `size` bytes long.
            assert_eq!(unsafe { memcmp(left.as_ptr(), left.as_ptr(), size) }, 0);
            for at in (0..size).step_by(1 + size / 40) {
                let mut right = left.clone();
                right[at] ^= 0x80;
                let order = left.cmp(&right) as i32;
                // SAFETY: both areas are `size` bytes long.
                let ours = unsafe { memcmp(left.as_ptr(), right.as_ptr(), size) };
                assert_eq!(ours.signum(), order, "{size} bytes, byte {at}");
                // SAFETY: as above.
                assert_ne!(unsafe { bcmp(left.as_ptr(), right.as_ptr(), size) }, 0);
            }
        }
    }

    #[test]
    fn strlen_stops_at_the_first_zero_byte() {
        // SAFETY: both texts end in a zero byte.
        unsafe {
            assert_eq!(strlen(c"".as_ptr().cast()), 0);
            assert_eq!(strlen(c"entente".as_ptr().cast()), 7);
        }
    }
}
