//! The guest's first connection to its host, where files come over a socket.
//!
//! The kernel's client of 9p takes a connection that is open already, and busybox can open none of
//! this kind. So the first root holds a program of two hundred bytes: it connects its descriptor 3
//! to a port of the host and becomes the program that is named after it. It is machine code because
//! nothing else is there yet: our helper lies in the files that this connection is for.

/// Where it is loaded.
const BASE: u64 = 0x40_0000;
/// Of an ELF file with one segment, both heads.
const HEADS: u64 = 64 + 56;

/// `opener PORT PROGRAM [WORD]…`, where the first word is the program's own name.
#[rustfmt::skip]
const CODE: &[u8] = &[
    0x48, 0x8b, 0x1c, 0x24, // mov rbx, [rsp] ; the number of words
    0x48, 0x83, 0xfb, 0x03, // cmp rbx, 3
    0x0f, 0x82, 0x81, 0x00, 0x00, 0x00, // jb fail
    0x48, 0x8b, 0x74, 0x24, 0x10, // mov rsi, [rsp+16] ; the first: a port, in digits
    0x45, 0x31, 0xe4, // xor r12d, r12d
    0x0f, 0xb6, 0x06, // next: movzx eax, byte [rsi]
    0x48, 0xff, 0xc6, // inc rsi
    0x83, 0xe8, 0x30, // sub eax, '0'
    0x78, 0x09, // js made ; the NUL at its end
    0x45, 0x6b, 0xe4, 0x0a, // imul r12d, r12d, 10
    0x41, 0x01, 0xc4, // add r12d, eax
    0xeb, 0xec, // jmp next
    0x6a, 0x28, 0x5f, // made: push 40; pop rdi ; AF_VSOCK
    0x6a, 0x01, 0x5e, // push 1; pop rsi ; SOCK_STREAM
    0x31, 0xd2, // xor edx, edx
    0x6a, 0x29, 0x58, // push 41; pop rax ; socket
    0x0f, 0x05, // syscall
    0x83, 0xf8, 0x03, // cmp eax, 3 ; the first number that is free
    0x75, 0x53, // jne fail
    0x6a, 0x00, 0x6a, 0x3c, // push 0; push 60 ; a minute, by itself it is two seconds
    0x6a, 0x03, 0x5f, // push 3; pop rdi
    0x6a, 0x28, 0x5e, // push 40; pop rsi ; AF_VSOCK
    0x6a, 0x06, 0x5a, // push 6; pop rdx ; SO_VM_SOCKETS_CONNECT_TIMEOUT
    0x49, 0x89, 0xe2, // mov r10, rsp
    0x6a, 0x10, 0x41, 0x58, // push 16; pop r8
    0x6a, 0x36, 0x58, // push 54; pop rax ; setsockopt
    0x0f, 0x05, // syscall
    0x85, 0xc0, // test eax, eax
    0x75, 0x36, // jnz fail
    0x58, 0x58, // pop rax; pop rax
    0x6a, 0x02, // push 2 ; the host
    0x49, 0xc1, 0xe4, 0x20, // shl r12, 32 ; the port
    0x49, 0x83, 0xcc, 0x28, // or r12, 40 ; AF_VSOCK
    0x41, 0x54, // push r12
    0x6a, 0x03, 0x5f, // push 3; pop rdi
    0x48, 0x89, 0xe6, // mov rsi, rsp
    0x6a, 0x10, 0x5a, // push 16; pop rdx
    0x6a, 0x2a, 0x58, // push 42; pop rax ; connect
    0x0f, 0x05, // syscall
    0x85, 0xc0, // test eax, eax
    0x75, 0x16, // jnz fail
    0x58, 0x58, // pop rax; pop rax
    0x48, 0x8b, 0x7c, 0x24, 0x18, // mov rdi, [rsp+24] ; the second word: a program
    0x48, 0x8d, 0x74, 0x24, 0x18, // lea rsi, [rsp+24] ; its words
    0x48, 0x8d, 0x54, 0xdc, 0x10, // lea rdx, [rsp+rbx*8+16] ; the environment
    0x6a, 0x3b, 0x58, // push 59; pop rax ; execve
    0x0f, 0x05, // syscall
    0x6a, 0x01, 0x5f, // fail: push 1; pop rdi
    0x6a, 0x3c, 0x58, // push 60; pop rax ; exit
    0x0f, 0x05, // syscall
];

/// An ELF program for Linux on x86-64, without an interpreter.
pub(crate) fn program() -> Vec<u8> {
    let size = HEADS + CODE.len() as u64;
    // 64 bits, little-endian, version 1; a program for x86-64.
    let mut elf = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    elf.extend([2, 0, 62, 0, 1, 0, 0, 0]);
    elf.extend((BASE + HEADS).to_le_bytes());
    elf.extend(64_u64.to_le_bytes());
    elf.extend(0_u64.to_le_bytes());
    elf.extend([0, 0, 0, 0, 64, 0, 56, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    // One segment, to be read and run: all of the file.
    elf.extend([1, 0, 0, 0, 5, 0, 0, 0]);
    for number in [0, BASE, BASE, size, size, 4096] {
        elf.extend(number.to_le_bytes());
    }
    elf.extend(CODE);
    elf
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;

    use super::*;

    /// That it connects is seen in machines. Here nobody listens, and it must not go on.
    #[test]
    fn it_is_a_program_that_starts_nothing_without_a_connection() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("opener");
        std::fs::write(&path, program()).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        for words in [vec![], vec!["1"], vec!["1", "/bin/true", "true"]] {
            let ended = Command::new(&path).args(&words).status().unwrap();
            assert_eq!(ended.code(), Some(1), "{words:?}");
        }
    }
}
