//! One entry's header blocks, as Go's `archive/tar` encodes them when it may choose the format.
//!
//! ustar is used where it can say everything; otherwise a PAX record (POSIX.1-2001, `pax`
//! interchange format) precedes a ustar header with what fits.

/// The unit of a tar stream, in bytes.
pub const BLOCK: usize = 512;

/// The greatest number seven octal digits can say; user and group numbers beyond it need PAX.
const MAX_ID: u64 = 0o7_777_777;
/// The greatest number eleven octal digits can say; sizes beyond it need PAX.
const MAX_SIZE: u64 = 0o77_777_777_777;

/// What an entry is, by its type flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    Regular,
    /// A symbolic link.
    Symlink,
    /// A directory.
    Directory,
}

impl Kind {
    fn flag(self) -> u8 {
        match self {
            Self::Regular => b'0',
            Self::Symlink => b'2',
            Self::Directory => b'5',
        }
    }
}

/// What a header says of its entry.
#[derive(Clone, Debug)]
pub struct Header<'a> {
    /// The path, as it stands in the archive.
    pub name: &'a [u8],
    /// The target of a symbolic link, empty otherwise.
    pub link: &'a [u8],
    /// What it is.
    pub kind: Kind,
    /// Permission bits, setuid, setgid and sticky included.
    pub mode: u32,
    /// Owner's number.
    pub uid: u64,
    /// Group's number.
    pub gid: u64,
    /// Owner's name.
    pub uname: &'a [u8],
    /// Group's name.
    pub gname: &'a [u8],
    /// Bytes of content that follow; 0 unless it is a regular file.
    pub size: u64,
    /// Modification time, seconds since the epoch.
    pub mtime: u64,
}

/// The header of something in an archive that is no layer: root's, and of no time of its own.
pub fn plain(name: &str, kind: Kind, mode: u32, size: u64) -> Vec<u8> {
    let mut blocks = Vec::with_capacity(BLOCK);
    Header {
        name: name.as_bytes(),
        link: b"",
        kind,
        mode,
        uid: 0,
        gid: 0,
        uname: b"root",
        gname: b"root",
        size,
        mtime: 1,
    }
    .encode(&mut blocks);
    blocks
}

impl Header<'_> {
    /// Appends the header blocks to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self.ustar_name() {
            Some((prefix, name)) => self.block(prefix, name, out),
            None => self.pax(out),
        }
    }

    /// The name cut into ustar's prefix and name, when ustar can say all of this header.
    fn ustar_name(&self) -> Option<(&[u8], &[u8])> {
        let plain = |text: &[u8]| text.is_ascii() && !text.contains(&0);
        let fits = plain(self.name)
            && plain(self.link)
            && plain(self.uname)
            && plain(self.gname)
            && self.link.len() <= 100
            && self.uname.len() <= 32
            && self.gname.len() <= 32
            && self.uid <= MAX_ID
            && self.gid <= MAX_ID
            && self.size <= MAX_SIZE;
        if !fits {
            return None;
        }
        if self.name.len() <= 100 {
            return Some((b"", self.name));
        }
        split(self.name)
    }

    fn pax(&self, out: &mut Vec<u8>) {
        let mut records: Vec<(&str, Vec<u8>)> = Vec::new();
        let plain = |text: &[u8]| text.is_ascii() && !text.contains(&0);
        // In the order of the keys, as the records are sorted by them.
        if self.gid > MAX_ID {
            records.push(("gid", self.gid.to_string().into_bytes()));
        }
        if !plain(self.gname) || self.gname.len() > 32 {
            records.push(("gname", self.gname.to_vec()));
        }
        if !plain(self.link) || self.link.len() > 100 {
            records.push(("linkpath", self.link.to_vec()));
        }
        if !plain(self.name) || self.name.len() > 100 {
            records.push(("path", self.name.to_vec()));
        }
        if self.size > MAX_SIZE {
            records.push(("size", self.size.to_string().into_bytes()));
        }
        if self.uid > MAX_ID {
            records.push(("uid", self.uid.to_string().into_bytes()));
        }
        if !plain(self.uname) || self.uname.len() > 32 {
            records.push(("uname", self.uname.to_vec()));
        }
        let mut body = Vec::new();
        for (key, value) in &records {
            append_record(key, value, &mut body);
        }

        let record_name = pax_name(self.name);
        let mut block = Block::default();
        block.text(0, 100, &record_name);
        block.octal(100, 8, 0);
        block.octal(108, 8, 0);
        block.octal(116, 8, 0);
        block.octal(124, 12, body.len() as u64);
        block.octal(136, 12, 0);
        block.flag(b'x');
        block.finish(out);
        out.extend_from_slice(&body);
        pad(body.len() as u64, out);

        let mut name = ascii(self.name);
        name.truncate(100);
        // A name cut right after a slash would read as a directory's: Go blanks that byte.
        if self.name.len() > 100 && name.last() == Some(&b'/') {
            name.pop();
        }
        let (link, uname, gname) = (ascii(self.link), ascii(self.uname), ascii(self.gname));
        let fitting = Header {
            name: b"",
            link: &link,
            kind: self.kind,
            mode: self.mode,
            uid: if self.uid > MAX_ID { 0 } else { self.uid },
            gid: if self.gid > MAX_ID { 0 } else { self.gid },
            uname: &uname,
            gname: &gname,
            size: self.size,
            mtime: self.mtime,
        };
        fitting.block(b"", &name, out);
    }

    fn block(&self, prefix: &[u8], name: &[u8], out: &mut Vec<u8>) {
        let mut block = Block::default();
        block.text(0, 100, name);
        block.octal(100, 8, u64::from(self.mode));
        block.octal(108, 8, self.uid);
        block.octal(116, 8, self.gid);
        block.octal(124, 12, if self.size > MAX_SIZE { 0 } else { self.size });
        block.octal(136, 12, self.mtime);
        block.flag(self.kind.flag());
        block.text(157, 100, self.link);
        block.text(265, 32, self.uname);
        block.text(297, 32, self.gname);
        block.octal(329, 8, 0);
        block.octal(337, 8, 0);
        block.text(345, 155, prefix);
        block.finish(out);
    }
}

/// Fills `out` with zeros up to the next block after `size` bytes of content.
pub fn pad(size: u64, out: &mut Vec<u8>) {
    out.resize(out.len() + padding(size), 0);
}

/// The number of zeros that follow `size` bytes of content.
pub fn padding(size: u64) -> usize {
    let over = (size % BLOCK as u64) as usize;
    if over == 0 { 0 } else { BLOCK - over }
}

/// Cuts a name of more than 100 bytes at a slash, as late as the prefix allows.
fn split(name: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut length = name.len();
    if length > 156 {
        length = 156;
    } else if name.last() == Some(&b'/') {
        length -= 1;
    }
    let at = name.get(..length)?.iter().rposition(|byte| *byte == b'/')?;
    let (prefix, rest) = (name.get(..at)?, name.get(at + 1..)?);
    (at > 0 && prefix.len() <= 155 && (1..=100).contains(&rest.len())).then_some((prefix, rest))
}

/// `<length> <key>=<value>\n`, the length counting its own digits.
fn append_record(key: &str, value: &[u8], out: &mut Vec<u8>) {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + rest.to_string().len();
    if length.to_string().len() + rest != length {
        length = rest + length.to_string().len();
    }
    out.extend_from_slice(format!("{length} {key}=").as_bytes());
    out.extend_from_slice(value);
    out.push(b'\n');
}

/// The name of a PAX record's own entry: `dir/PaxHeaders.0/base`, in ASCII and at most 100 bytes.
fn pax_name(name: &[u8]) -> Vec<u8> {
    let (directory, base) = match name.iter().rposition(|byte| *byte == b'/') {
        Some(at) => (name.get(..=at).unwrap_or_default(), name.get(at + 1..).unwrap_or_default()),
        None => (&b""[..], name),
    };
    let mut whole = directory.to_vec();
    if !whole.is_empty() && whole.last() != Some(&b'/') {
        whole.push(b'/');
    }
    whole.extend_from_slice(b"PaxHeaders.0/");
    whole.extend_from_slice(base);
    let mut short = ascii(&whole);
    short.truncate(100);
    while short.last() == Some(&b'/') {
        short.pop();
    }
    short
}

/// Leaves out every byte ustar has no place for.
fn ascii(text: &[u8]) -> Vec<u8> {
    text.iter().copied().filter(|byte| byte.is_ascii() && *byte != 0).collect()
}

/// A header block being filled in.
struct Block([u8; BLOCK]);

impl Default for Block {
    fn default() -> Self {
        let mut block = Self([0; BLOCK]);
        block.text(257, 8, b"ustar\x0000");
        block
    }
}

impl Block {
    fn text(&mut self, at: usize, width: usize, text: &[u8]) {
        for (slot, byte) in self.0[at..at + width].iter_mut().zip(text) {
            *slot = *byte;
        }
    }

    fn octal(&mut self, at: usize, width: usize, number: u64) {
        let digits = width - 1;
        self.text(at, digits, format!("{number:0digits$o}").as_bytes());
    }

    fn flag(&mut self, flag: u8) {
        self.0[156] = flag;
    }

    fn finish(mut self, out: &mut Vec<u8>) {
        // The checksum is computed as if its own field were blanks.
        self.text(148, 8, b"        ");
        let sum: u32 = self.0.iter().map(|byte| u32::from(*byte)).sum();
        self.text(148, 8, format!("{sum:06o}\0 ").as_bytes());
        out.extend_from_slice(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(name: &[u8]) -> Header<'_> {
        Header {
            name,
            link: b"",
            kind: Kind::Regular,
            mode: 0o444,
            uid: 0,
            gid: 0,
            uname: b"root",
            gname: b"root",
            size: 0,
            mtime: 1,
        }
    }

    fn encoded(header: &Header<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        header.encode(&mut out);
        out
    }

    #[test]
    fn a_short_name_needs_one_block_with_a_right_checksum() {
        let block = encoded(&header(b"/bin/hello"));
        assert_eq!(block.len(), BLOCK);
        assert_eq!(&block[..11], b"/bin/hello\0");
        assert_eq!(&block[257..265], b"ustar\x0000");
        let mut blank = block.clone();
        blank[148..156].fill(b' ');
        let sum: u32 = blank.iter().map(|byte| u32::from(*byte)).sum();
        assert_eq!(&block[148..156], format!("{sum:06o}\0 ").as_bytes());
    }

    #[test]
    fn a_long_name_is_split_at_a_slash_when_that_is_enough() {
        let name = [b"/".as_slice(), &[b'a'; 80], b"/", &[b'b'; 60]].concat();
        let block = encoded(&header(&name));
        assert_eq!(block.len(), BLOCK);
        assert_eq!(&block[..61], [&[b'b'; 60][..], b"\0"].concat().as_slice());
        assert_eq!(&block[345..427], [b"/".as_slice(), &[b'a'; 80], b"\0"].concat().as_slice());
    }

    #[test]
    fn what_ustar_cannot_say_goes_into_sorted_pax_records() {
        let long = [b'c'; 150];
        let blocks = encoded(&Header { uid: 4_294_967_294, ..header(&long) });
        assert_eq!(blocks.len(), 3 * BLOCK);
        assert_eq!(blocks[156], b'x');
        let records = String::from_utf8_lossy(&blocks[BLOCK..2 * BLOCK]).into_owned();
        assert!(records.starts_with(&format!("160 path={}\n", "c".repeat(150))), "{records}");
        assert!(records.contains("\n18 uid=4294967294\n"), "{records}");
    }

    #[test]
    fn a_record_counts_its_own_length() {
        for length in [1, 90, 91, 92, 93, 94, 95, 990, 991, 992, 993] {
            let mut out = Vec::new();
            append_record("path", &vec![b'x'; length], &mut out);
            let said: usize =
                String::from_utf8_lossy(&out).split(' ').next().unwrap().parse().unwrap();
            assert_eq!(said, out.len());
        }
    }
}
