//! Who called whom, by a stack.
//!
//! All code that runs here keeps frame pointers, the precompiled libraries included, but for functions that call nobody.
//! So from a call on, the chain of frames is all that is needed. Where code was interrupted between two calls, the frame
//! may not be set up yet, or be taken down already, or never come: for this one step the tables are asked that compilers
//! write for exceptions (`.eh_frame`: System V ABI, AMD64 supplement, 3.7, and LSB Core, 10.6).
//!
//! Nothing of what is read is believed: memory is read through a function of the caller's, which answers for what may be
//! read, and each frame has to lie above the one before.

mod rows;

/// The registers that a walk begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are registers")]
pub struct Registers {
    pub rip: u64,
    pub rsp: u64,
    pub rbp: u64,
}

/// Where a walk begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Between any two instructions.
    Interrupted(Registers),
    /// At a call in a function, which has set its frame up.
    InFrame {
        /// Where it goes on after the call.
        address: u64,
        /// Its frame: the saved frame pointer, and above it the return address.
        frame: u64,
    },
}

impl Start {
    /// Whether it is on the stack whose addresses are those that `contains` says.
    pub fn is_on(&self, contains: impl Fn(u64) -> bool) -> bool {
        match self {
            Start::Interrupted(registers) => contains(registers.rsp) || contains(registers.rbp),
            Start::InFrame { frame, .. } => contains(*frame),
        }
    }
}

/// How functions of an image save registers, at each of their instructions.
#[derive(Clone, Copy, Debug)]
pub struct Tables<'a> {
    /// The segment that the tables lie in.
    pub bytes: &'a [u8],
    /// Its address, as the image counts addresses.
    pub address: u64,
    /// Address of the tables' header (`.eh_frame_hdr`), as the image counts addresses.
    pub header: u64,
}

impl Tables<'_> {
    /// The registers as they were when the function called that was interrupted at `address`, as the image counts; `rip`
    /// is then the return address. `None` if the tables do not say.
    fn caller(
        &self,
        address: u64,
        registers: &Registers,
        read: &impl Fn(u64) -> Option<u64>,
    ) -> Option<Registers> {
        let row = rows::row_at(self, address)?;
        let base = match row.base {
            rows::RSP => registers.rsp,
            rows::RBP => registers.rbp,
            _ => return None,
        };
        let base = base.wrapping_add_signed(row.offset);
        let rip = read(base.wrapping_add_signed(rows::RETURN_ADDRESS))?;
        let rbp = match row.rbp {
            Some(offset) => read(base.wrapping_add_signed(offset))?,
            None => registers.rbp,
        };
        Some(Registers { rip, rsp: base, rbp })
    }
}

/// Shows the addresses on a chain of frames: the return address of the one at `frame`, and so on outwards. The chain ends
/// where nothing may be read, where a return address is 0, or where a frame does not lie above the one before.
pub fn chain(frame: u64, read: impl Fn(u64) -> Option<u64>, mut each: impl FnMut(u64)) {
    let mut frame = frame;
    loop {
        let above = frame.checked_add(8).and_then(&read).filter(|address| *address != 0);
        let (Some(next), Some(address)) = (read(frame), above) else { return };
        each(address);
        if next <= frame {
            return;
        }
        frame = next;
    }
}

/// The caller of the function that was interrupted with these registers: the return address, and the caller's frame.
/// `in_image` says where an address lies as the image counts, if it is one of the image's code.
pub fn first_step(
    registers: &Registers,
    tables: Option<&Tables<'_>>,
    in_image: impl Fn(u64) -> Option<u64>,
    read: &impl Fn(u64) -> Option<u64>,
) -> Option<(u64, u64)> {
    let known = in_image(registers.rip)
        .and_then(|address| tables.and_then(|tables| tables.caller(address, registers, read)));
    if let Some(caller) = known {
        return (caller.rip != 0).then_some((caller.rip, caller.rbp));
    }
    // Functions without a row are written by hand and push nothing; neither does a jump to where there is no code.
    let address = read(registers.rsp)?;
    in_image(address).map(|_| (address, registers.rbp))
}

#[cfg(test)]
mod tests {
    use std::arch::asm;
    use std::cell::Cell;
    use std::hint::black_box;

    use elf::ElfBytes;
    use elf::abi::{PT_GNU_EH_FRAME, PT_LOAD};

    use super::*;

    /// A stack of words from 0x1000 on.
    fn addresses(words: &[u64], frame: u64) -> Vec<u64> {
        let mut found = Vec::new();
        let read = |address: u64| {
            let offset = address.checked_sub(0x1000).filter(|offset| offset % 8 == 0)?;
            words.get(offset as usize / 8).copied()
        };
        chain(frame, read, |address| found.push(address));
        found
    }

    #[test]
    fn a_chain_leads_outwards_and_ends_at_the_outermost_call() {
        let words = [0x1010, 1, 0x1030, 2, 99, 99, 0, 3, 0, 4];
        assert_eq!(addresses(&words, 0x1000), [1, 2, 3]);
        assert_eq!(addresses(&words, 0x1010), [2, 3]);
        let words = [0x1010, 1, 0x1030, 2, 99, 99, 0, 0];
        assert_eq!(addresses(&words, 0x1000), [1, 2], "a return address of 0 is nobody's");
    }

    #[test]
    fn a_chain_that_is_broken_ends_where_it_breaks() {
        assert_eq!(addresses(&[0x1000, 1], 0x1000), [1], "a frame that names itself");
        assert_eq!(addresses(&[0x1020, 1, 0, 0, 0x1000, 2], 0x1000), [1, 2], "one that leads back");
        assert_eq!(addresses(&[0x1010, 1, u64::MAX, 2], 0x1000), [1, 2], "one that leads nowhere");
        assert_eq!(addresses(&[0x100c, 1, 0, 2], 0x1000), [1], "one between two words");
        for frame in [0, 1, 8, 0xff8, 0x1008, u64::MAX, u64::MAX - 7] {
            assert_eq!(addresses(&[7, 7], frame), [], "{frame:#x}");
        }
    }

    unsafe extern "C" {
        /// Where this program lies; the linker says so.
        static __ehdr_start: u8;
    }

    fn base() -> u64 {
        &raw const __ehdr_start as u64
    }

    /// The tables of this program, as they lie in its file.
    pub(super) fn with_own_tables<T>(act: impl FnOnce(&Tables<'_>) -> T) -> T {
        let file = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let elf = ElfBytes::<elf::endian::LittleEndian>::minimal_parse(&file).unwrap();
        let programs = elf.segments().unwrap();
        let header = programs.iter().find(|program| program.p_type == PT_GNU_EH_FRAME).unwrap().p_vaddr;
        let segment = programs
            .iter()
            .find(|p| p.p_type == PT_LOAD && (p.p_vaddr..p.p_vaddr + p.p_filesz).contains(&header));
        let segment = segment.unwrap();
        let bytes = &file[segment.p_offset as usize..][..segment.p_filesz as usize];
        act(&Tables { bytes, address: segment.p_vaddr, header })
    }

    thread_local! {
        static SEEN: Cell<Option<Registers>> = const { Cell::new(None) };
    }

    /// Notes its registers, with something of its own on the stack: this program keeps no frame pointers.
    #[inline(never)]
    fn interrupted(depth: u64) -> u64 {
        let own = black_box([depth; 9]);
        let (rip, rsp, rbp): (u64, u64, u64);
        // SAFETY: reads registers.
        unsafe {
            asm!("lea {0}, [rip]", "mov {1}, rsp", "mov {2}, rbp", out(reg) rip, out(reg) rsp, out(reg) rbp);
        }
        SEEN.set(Some(Registers { rip, rsp, rbp }));
        let caller = with_own_tables(|tables| tables.caller(rip - base(), &SEEN.get().unwrap(), &read_own));
        black_box(own);
        caller.map_or(0, |caller| caller.rip)
    }

    /// Reads this thread's stack.
    fn read_own(address: u64) -> Option<u64> {
        let rsp = SEEN.get().unwrap().rsp;
        // SAFETY: the words above the stack pointer of a function that is running.
        (rsp..rsp + 4096).contains(&address).then(|| unsafe { (address as *const u64).read() })
    }

    #[inline(never)]
    fn caller(depth: u64) -> u64 {
        black_box(interrupted(black_box(depth))) + black_box(0)
    }

    #[test]
    fn the_tables_lead_from_an_instruction_to_the_caller() {
        let found = black_box(caller(black_box(3)));
        let start = caller as *const () as u64;
        assert!((start + 1..start + 200).contains(&found), "{found:#x}, not in {start:#x}...");
    }

    #[test]
    fn tables_that_are_cut_off_or_damaged_say_nothing_and_do_no_harm() {
        with_own_tables(|tables| {
            let registers = Registers { rip: 0, rsp: 0x1000, rbp: 0x2000 };
            let address = interrupted as *const () as u64 - base() + 20;
            let read = |address: u64| Some(address);
            let ask = |tables: &Tables<'_>| tables.caller(address, &registers, &read);
            assert!(ask(tables).is_some());
            assert_eq!(ask(&Tables { bytes: &[], ..*tables }), None);
            assert_eq!(ask(&Tables { header: u64::MAX, ..*tables }), None);
            assert_eq!(ask(&Tables { address: tables.header + 1, ..*tables }), None);
            let mut state = 1u32;
            let mut random = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as usize
            };
            let at = (tables.header - tables.address) as usize;
            for _ in 0..2000 {
                let mut bytes = tables.bytes.to_vec();
                for _ in 0..8 {
                    let place = if random() % 2 == 0 { at + random() % 64 } else { random() % bytes.len() };
                    bytes[place] = random() as u8;
                }
                ask(&Tables { bytes: &bytes, ..*tables });
            }
        });
    }

    #[test]
    fn a_function_without_tables_is_taken_to_have_pushed_nothing() {
        let registers = Registers { rip: 7, rsp: 0x1000, rbp: 0x2000 };
        let in_image = |address: u64| (100..200).contains(&address).then_some(address);
        let step = |word: u64| first_step(&registers, None, in_image, &|_| Some(word));
        assert_eq!(step(150), Some((150, 0x2000)));
        assert_eq!(step(99), None, "what lies there is no return address");
    }
}
