//! The gzip format of RFC 1952, without compression: enough to show whether a client asked for it.

/// The largest stored block of deflate, in bytes.
const BLOCK_MAX: usize = 0xffff;

/// Data as one gzip member of stored blocks.
pub(super) fn member(data: &[u8]) -> Vec<u8> {
    let mut member = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    let blocks = data.len().div_ceil(BLOCK_MAX);
    for (number, block) in (1..).zip(data.chunks(BLOCK_MAX)) {
        let length = block.len() as u16;
        member.push(u8::from(number == blocks));
        member.extend(length.to_le_bytes());
        member.extend((!length).to_le_bytes());
        member.extend(block);
    }
    member.extend(crc32(data).to_le_bytes());
    member.extend((data.len() as u32).to_le_bytes());
    member
}

/// The checksum of section 8 of the RFC.
fn crc32(data: &[u8]) -> u32 {
    let step = |crc: u32, _: u8| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
    let crc = data.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step));
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_the_standard() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        let member = member(b"abc");
        assert_eq!(member[10..15], [1, 3, 0, 0xfc, 0xff]);
        assert_eq!(member.len(), 10 + 5 + 3 + 8);
    }
}
