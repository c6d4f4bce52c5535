//! COM1, the console: output by polling, input by interrupt.
//!
//! Input waits in a ring that the interrupt handler fills and one thread drains ([`take`]). When the ring is full
//! the handler stops listening: bytes stay in the device's queue, and behind it in the sender's, until there is
//! room again. Only a sender that ignores that can lose bytes; the device's overrun flag counts those
//! ([`overruns`]).

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

use spin::Mutex;
use uart_16550::backend::PioBackend;
use uart_16550::spec::registers::{FifoTriggerLevel, IER};
use uart_16550::{Config, InitError, Uart16550};
use x86_64::instructions::port::Port;

use super::cores;

const BASE: u16 = 0x3f8;
const DATA: u16 = BASE;
const INTERRUPT_ENABLE: u16 = BASE + 1;
const INTERRUPT_IDENTITY: u16 = BASE + 2;
const LINE_STATUS: u16 = BASE + 5;
/// Bytes the device takes at once.
const FIFO_BYTES: usize = 16;

const STATUS_DATA_READY: u8 = 1;
const STATUS_OVERRUN: u8 = 2;
const STATUS_SEND_EMPTY: u8 = 0x20;
const ENABLE_RECEIVED: u8 = 1;

/// The ISA line of COM1.
pub const ISA_LINE: usize = 4;

static DEVICE: Mutex<Option<Uart16550<PioBackend>>> = Mutex::new(None);
static RING: Ring = Ring {
    bytes: UnsafeCell::new([0; RING_BYTES]),
    head: AtomicUsize::new(0),
    tail: AtomicUsize::new(0),
    throttled: AtomicBool::new(false),
};
static OVERRUNS: AtomicU32 = AtomicU32::new(0);

const RING_BYTES: usize = 16 * 1024;

/// Single producer (the interrupt handler), single consumer (whoever calls [`take`]; see there).
struct Ring {
    bytes: UnsafeCell<[u8; RING_BYTES]>,
    /// Bytes ever put in; written by the producer only.
    head: AtomicUsize,
    /// Bytes ever taken out; written by the consumer only.
    tail: AtomicUsize,
    /// The producer stopped listening because the ring was full.
    throttled: AtomicBool,
}

// SAFETY: a byte is written by the producer before `head` passes it and read by the consumer before `tail` does.
unsafe impl Sync for Ring {}

/// Sets up the port: 115200 baud, 8 data bits, queues on. Input is not listened to before [`listen`].
pub fn init() -> Result<(), InitError> {
    // SAFETY: COM1's ports, which only this module touches.
    let mut device = unsafe { Uart16550::new_port(BASE) }.map_err(|_| InitError::DeviceNotPresent)?;
    device.init(Config {
        interrupts: IER::empty(),
        fifo_trigger_level: Some(FifoTriggerLevel::Fourteen),
        ..Config::default()
    })?;
    *DEVICE.lock() = Some(device);
    Ok(())
}

/// Starts listening to input. The line must be routed to [`super::trap::VECTOR_SERIAL`].
pub fn listen() {
    enable_received(ENABLE_RECEIVED);
}

/// Writes all of `bytes`, waiting for the device as needed. Without a device they are dropped.
pub fn write(bytes: &[u8]) {
    if let Some(device) = DEVICE.lock().as_mut() {
        device.send_bytes_exact(bytes);
    }
}

/// As [`write`], without the lock: for a dying kernel.
pub(super) fn write_unlocked(bytes: &[u8]) {
    const MOST_POLLS: u32 = 1_000_000;
    for chunk in bytes.chunks(FIFO_BYTES) {
        let mut polls = 0;
        // SAFETY: COM1's status and data ports; nobody else runs any more.
        unsafe {
            while Port::<u8>::new(LINE_STATUS).read() & STATUS_SEND_EMPTY == 0 && polls < MOST_POLLS {
                polls += 1;
                core::hint::spin_loop();
            }
            for &byte in chunk {
                Port::<u8>::new(DATA).write(byte);
            }
        }
    }
}

/// Whether bytes have come in that nobody has taken.
pub fn has_input() -> bool {
    RING.head.load(Ordering::Acquire) != RING.tail.load(Ordering::Relaxed)
}

/// Moves bytes that came in to the front of `buffer` and returns how many. One thread at a time: a second
/// caller gets 0.
pub fn take(buffer: &mut [u8]) -> usize {
    static CONSUMER: Mutex<()> = Mutex::new(());
    static REPORTED: AtomicBool = AtomicBool::new(false);
    let Some(_only) = CONSUMER.try_lock() else { return 0 };
    if overruns() > 0 && !REPORTED.swap(true, Ordering::Relaxed) {
        log::warn!("the console's sender ignores flow control: input was lost");
    }
    let tail = RING.tail.load(Ordering::Relaxed);
    let waiting = RING.head.load(Ordering::Acquire) - tail;
    let count = waiting.min(buffer.len());
    for (i, slot) in buffer[..count].iter_mut().enumerate() {
        // SAFETY: between tail and head, so the producer is done with it and will not write it before `tail`
        // passes it; `CONSUMER` keeps out other consumers.
        *slot = unsafe { RING.bytes.get().cast::<u8>().add((tail + i) % RING_BYTES).read() };
    }
    RING.tail.store(tail + count, Ordering::Release);
    if count > 0 && RING.throttled.load(Ordering::Acquire) && waiting - count < RING_BYTES / 2 {
        RING.throttled.store(false, Ordering::Release);
        // Raises the interrupt at once if bytes wait in the device.
        enable_received(ENABLE_RECEIVED);
    }
    count
}

/// Times the device had to drop a byte because nobody fetched the one before.
pub fn overruns() -> u32 {
    OVERRUNS.load(Ordering::Relaxed)
}

/// Fetches all that came in. Called on the port's interrupt.
pub(super) fn on_interrupt() {
    let mut head = RING.head.load(Ordering::Relaxed);
    // SAFETY: COM1's ports; the output side uses none of these except the status, whose error bits only this
    // handler cares for.
    unsafe {
        // Takes back the request, whatever it was.
        let _ = Port::<u8>::new(INTERRUPT_IDENTITY).read();
        loop {
            let status = Port::<u8>::new(LINE_STATUS).read();
            if status & STATUS_OVERRUN != 0 {
                OVERRUNS.fetch_add(1, Ordering::Relaxed);
            }
            if status & STATUS_DATA_READY == 0 {
                break;
            }
            if head - RING.tail.load(Ordering::Acquire) == RING_BYTES {
                RING.throttled.store(true, Ordering::Release);
                enable_received(0);
                break;
            }
            let byte = Port::<u8>::new(DATA).read();
            RING.bytes.get().cast::<u8>().add(head % RING_BYTES).write(byte);
            head += 1;
        }
    }
    RING.head.store(head, Ordering::Release);
    cores::signal(cores::EVENT_SERIAL);
}

fn enable_received(bits: u8) {
    // SAFETY: COM1's interrupt enable register; no interrupt but "received" is ever enabled.
    unsafe { Port::<u8>::new(INTERRUPT_ENABLE).write(bits) };
}
