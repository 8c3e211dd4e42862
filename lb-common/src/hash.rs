//! The hash functions of `balance`, `hash-type` and the converters of the same names, bit for bit the peer's.
//!
//! Manual: configuration, "hash-type" and section 7.3.1 (`sdbm`, `djb2`, `wt6`, `crc32`, `crc32c`).

/// The hash of the sdbm library: every byte is added to the hash times 65599.
pub fn sdbm(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .fold(0, |hash: u32, &byte| hash.wrapping_mul(65599).wrapping_add(byte.into()))
}

/// Dan Bernstein's hash: every byte is added to the hash times 33, starting at 5381.
pub fn djb2(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .fold(5381, |hash: u32, &byte| hash.wrapping_mul(33).wrapping_add(byte.into()))
}

/// Willy Tarreau's sixth function: two words turned against each other by distances taken from the data.
pub fn wt6(bytes: &[u8]) -> u32 {
    let (mut left, mut right) = (0xa53c_965a_u32, 0x5ca6_953a_u32);
    let (mut turn_left, mut turn_right) = (6, 18);
    for &byte in bytes {
        left = !(left ^ u32::from(byte));
        right = !right.wrapping_add(byte.into());
        (left, right) = (right.rotate_left(turn_left), left.rotate_left(turn_right));
        let turns = ((left >> 16) ^ right) & 0xffff;
        (turn_left, turn_right) = (turns & 31, turns >> 11);
    }
    left ^ right
}

/// CRC-32 of Ethernet, gzip and PNG (polynomial 0x04c11db7, reflected).
pub fn crc32(bytes: &[u8]) -> u32 {
    static TABLE: [u32; 256] = reflected_crc_table(0xedb8_8320);
    crc(&TABLE, bytes)
}

/// CRC-32C of iSCSI and PROXY protocol v2 (polynomial 0x1edc6f41, reflected; RFC 3720 appendix B.4).
pub fn crc32c(bytes: &[u8]) -> u32 {
    static TABLE: [u32; 256] = reflected_crc_table(0x82f6_3b78);
    crc(&TABLE, bytes)
}

fn crc(table: &[u32; 256], bytes: &[u8]) -> u32 {
    !bytes
        .iter()
        .fold(!0, |crc: u32, &byte| (crc >> 8) ^ table[usize::from(crc as u8 ^ byte)])
}

const fn reflected_crc_table(polynomial: u32) -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 {
                (crc >> 1) ^ polynomial
            } else {
                crc >> 1
            };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
}

/// The `avalanche` modifier: one of Bob Jenkins' full avalanche hashes of four bytes
/// (burtleburtle.net/bob/hash/integer.html), then a product that keeps the result a permutation.
///
/// Consistent hashing places every occurrence of a server at the avalanche of its number.
pub fn avalanche(hash: u32) -> u32 {
    let mut a = hash;
    a = a.wrapping_add(0x7ed5_5d16).wrapping_add(a << 12);
    a = (a ^ 0xc761_c23c) ^ (a >> 19);
    a = a.wrapping_add(0x1656_67b1).wrapping_add(a << 5);
    a = a.wrapping_add(0xd3a2_646c) ^ (a << 9);
    a = a.wrapping_add(0xfd70_46c5).wrapping_add(a << 3);
    a = (a ^ 0xb55a_4f09) ^ (a >> 16);
    a.wrapping_mul(0xc000_0001)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    /// Answers of HAProxy 2.6 to `%[str(x),FUNCTION]` and `%[str(x),FUNCTION(1)]`.
    /// Columns: input, sdbm, djb2, wt6, crc32, crc32c.
    const PLAIN: &[(&[u8], [u32; 5])] = &[
        (b"a", [97, 177670, 1900802597, 3904355907, 3251651376]),
        (b"ab", [6363201, 5863208, 314091001, 2659403885, 3802278198]),
        (b"foo", [849955110, 193491849, 3349746274, 2356372769, 3485773341]),
        (b"/url1", [4103199409, 194222904, 2463210733, 380733385, 2284699191]),
        (
            b"www.example.com",
            [2718216582, 2843247409, 612436471, 785793723, 1031305761],
        ),
        (b"127.0.0.1", [1894847165, 1532542490, 72828719, 3619153832, 1379352674]),
        (b"\0", [0, 177573, 1892670053, 3523407757, 1383945041]),
        (b"\xff\0\xfe", [2106684029, 193654946, 633352455, 467415780, 2927057024]),
        (
            b"The quick brown fox jumps over the lazy dog",
            [2359783795, 885799134, 3840389189, 1095738169, 576848900],
        ),
        (
            b"0123456789abcdef0123456789abcdef0123456789",
            [635932309, 2278455894, 3408275363, 3642258671, 3779978261],
        ),
    ];

    const AVALANCHED: &[(&[u8], [u32; 5])] = &[
        (b"a", [1830748055, 3548763807, 1986649387, 1288200982, 626010576]),
        (b"foo", [2735148936, 1117544652, 1053410400, 889128046, 2465671246]),
        (
            b"www.example.com",
            [1242975261, 2767889732, 2993095237, 1314402354, 2378983471],
        ),
        (b"\0", [2874071335, 876829347, 2004952122, 1927583040, 3506002343]),
        (
            b"\xff\0\xfe",
            [1107473929, 1264960237, 2407322568, 2525239832, 533984954],
        ),
    ];

    const FUNCTIONS: [fn(&[u8]) -> u32; 5] = [sdbm, djb2, wt6, crc32, crc32c];

    #[test]
    fn functions_answer_as_the_peer() {
        for (input, expected) in PLAIN {
            assert_eq!(FUNCTIONS.map(|hash| hash(input)), *expected, "{input:?}");
        }
    }

    #[test]
    fn avalanche_answers_as_the_peer() {
        for (input, expected) in AVALANCHED {
            assert_eq!(FUNCTIONS.map(|hash| avalanche(hash(input))), *expected, "{input:?}");
        }
    }

    #[test]
    fn avalanche_spreads_small_numbers() {
        let mut hashes: Vec<u32> = (0..100_000).map(avalanche).collect();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), 100_000);
    }
}
