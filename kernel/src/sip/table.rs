//! The kernel's functions, as SIPs and the kernel's own threads call them.
//!
//! Each entry begins with a stub that checks how much of the caller's stack is left: what the kernel then needs lies
//! within [`STACK_HEADROOM`], so it never runs into the guard page, and a caller with less has overflowed its own stack.
//!
//! Each that returns sees to interrupts at its end: one that came while the kernel worked could not take the core away.

use core::arch::naked_asm;
use core::mem::{offset_of, transmute};
use core::ptr;
use core::sync::atomic::AtomicUsize;

use contracts::abi::{self, BlockEntry, Channel, ChannelRequest, Core, End, STACK_HEADROOM, Set, Table};
use contracts::spec::system;
use log::info;

use super::fault::{LAST_STACK_TOP, overflowed};
use super::life::{self, Exit, end_current, owner_name};
use crate::account::Account;
use crate::arch::{backtrace, clock};
use crate::{channel, exchange, memory, sched};

/// Who calls.
fn caller() -> &'static Account {
    sched::current().account()
}

extern "C" fn block_allocate(size: usize, align: usize) -> *const BlockEntry {
    let block = exchange::allocate(size, align, caller(), sched::relax);
    sched::end_call();
    block.map_or(ptr::null(), ptr::from_ref)
}

unsafe extern "C" fn block_free(entry: *const BlockEntry) {
    // SAFETY: the caller owns the block, so its entry is in the ledger.
    exchange::free(unsafe { &*entry }, sched::relax);
    sched::end_call();
}

extern "C" fn channel_create(request: &ChannelRequest) -> *const Channel {
    if memory::admit().is_err() {
        return ptr::null();
    }
    channel::learn_names(request);
    let channel = channel::create_in_steps(&request.shape, caller(), caller(), sched::relax);
    sched::end_call();
    channel.map_or(ptr::null(), |channel| channel)
}

unsafe extern "C" fn end_close(end: *const End) {
    // SAFETY: the caller owns the open end and gives it up.
    unsafe { channel::close(&*end) };
    sched::end_call();
}

extern "C" fn set_create() -> *const Set {
    if memory::admit().is_err() {
        return ptr::null();
    }
    let set = channel::create_set(caller());
    sched::end_call();
    set.map_or(ptr::null(), |set| set)
}

unsafe extern "C" fn set_close(set: *const Set) {
    // SAFETY: the caller owns the set, which has no members, and gives it up.
    unsafe { channel::close_set(&*set, sched::relax) };
    sched::end_call();
}

extern "C" fn thread_block() {
    sched::block();
}

extern "C" fn thread_yield() {
    sched::yield_now();
}

extern "C" fn thread_spawn(entry: abi::ThreadEntry, argument: usize) -> u32 {
    let spawned = life::spawn_thread(entry as usize as u64, argument);
    sched::end_call();
    u32::from(spawned.is_ok())
}

extern "C" fn thread_exit() -> ! {
    life::exit_thread()
}

unsafe extern "C" fn thread_block_until(deadline: u64, word: *const AtomicUsize) {
    // SAFETY: null, or a word that outlives the call, as the caller promises.
    sched::block_until(deadline, unsafe { word.as_ref() });
}

extern "C" fn memory_grow(pages: usize) -> *mut u8 {
    let start = life::grow_heap(pages);
    sched::end_call();
    start.map_or(ptr::null_mut(), |start| start.as_mut_ptr())
}

extern "C" fn port_connect(index: usize) -> *const End {
    let end = life::connect_port(index);
    sched::end_call();
    end.map_or(ptr::null(), ptr::from_ref)
}

extern "C" fn clock_now() -> u64 {
    let now = clock::now_ns();
    sched::end_call();
    now
}

/// # Safety
///
/// `text` is valid for `length` bytes.
unsafe fn text_of<'a>(text: *const u8, length: usize) -> &'a str {
    // SAFETY: passed on to the caller.
    core::str::from_utf8(unsafe { core::slice::from_raw_parts(text, length) }).unwrap_or("(not UTF-8)")
}

unsafe extern "C" fn log_line(text: *const u8, length: usize) {
    caller().count_line();
    // SAFETY: passed on to the caller.
    info!("{}: {}", owner_name(caller().owner()), unsafe { text_of(text, length) });
    sched::end_call();
}

extern "C" fn exit(status: u32) -> ! {
    let kind = if status == 0 { system::Exit::Success } else { system::Exit::Failure };
    end_current(Exit::plain(kind))
}

unsafe extern "C" fn violation(end: *const End, what: u32) {
    // SAFETY: the end is the caller's, and open.
    life::blame(unsafe { &*end }, what);
    sched::end_call();
}

/// What only domains are given something to call with.
extern "C" fn beyond(_: u64, _: u64) {}

unsafe extern "C" fn panicked(text: *const u8, length: usize) -> ! {
    // SAFETY: passed on to the caller.
    let exit = life::panicked(unsafe { text_of(text, length) });
    end_current(Exit { place: Some(backtrace::at_caller()), ..exit })
}

/// The stub that leads to `$target`. It leaves all arguments where they are.
macro_rules! entry {
    ($target:expr) => {{
        #[unsafe(naked)]
        unsafe extern "C" fn stub() {
            naked_asm!(
                "mov r10, gs:[{current}]",
                "lea r11, [rsp - {headroom}]",
                "cmp r11, [r10 + {limit}]",
                "jb {overflow}",
                "jmp {target}",
                current = const offset_of!(Core, current),
                headroom = const STACK_HEADROOM,
                limit = const offset_of!(abi::Thread, stack_limit),
                overflow = sym overflow,
                target = sym $target,
            )
        }
        #[allow(clippy::missing_transmute_annotations, reason = "the type is the field's")]
        // SAFETY: the stub jumps to a function of the field's type and touches none of its arguments.
        unsafe {
            transmute::<unsafe extern "C" fn(), _>(stub)
        }
    }};
}

#[unsafe(naked)]
unsafe extern "C" fn overflow() {
    naked_asm!(
        "mov rdi, [rsp]",
        "mov rsi, rbp",
        "mov rsp, [rip + {top}]",
        "xor ebp, ebp",
        "call {overflowed}",
        top = sym LAST_STACK_TOP,
        overflowed = sym overflowed,
    )
}

/// The kernel's functions.
pub(crate) static TABLE: Table = Table {
    hash: abi::HASH,
    block_allocate: entry!(block_allocate),
    block_free: entry!(block_free),
    channel_create: entry!(channel_create),
    end_close: entry!(end_close),
    set_create: entry!(set_create),
    set_close: entry!(set_close),
    thread_block: entry!(thread_block),
    thread_yield: entry!(thread_yield),
    thread_spawn: entry!(thread_spawn),
    thread_exit: entry!(thread_exit),
    thread_block_until: entry!(thread_block_until),
    memory_grow: entry!(memory_grow),
    port_connect: entry!(port_connect),
    clock: entry!(clock_now),
    log: entry!(log_line),
    exit: entry!(exit),
    panic: entry!(panicked),
    violation: entry!(violation),
    gate_send: entry!(beyond),
    gate_wait: entry!(beyond),
    gate_join: entry!(beyond),
};
