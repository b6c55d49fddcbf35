using System.Buffers.Binary;
using System.Numerics;

namespace OrleansFeatures.Log.Snapshots.Format;

/// <summary>
/// The last frame of a state file. Its header's fields are: hash the position of the last index block (0: none), check the number of records, entity type the number of index blocks, tag the chain of all frame
/// checksums before it; its payload is <c>| own position | bytes of records |</c>.
/// </summary>
internal readonly record struct StateFooter(long LastIndexBlock, long Records, int IndexBlocks, uint Chain, long Position, long RecordBytes)
{
    public const int Bytes = StateFrame.HeaderBytes + PayloadBytes;
    private const int PayloadBytes = 16;

    /// <summary>The checksum of the encoded footer; the manifest holds it, which ties the whole file to the checkpoint.</summary>
    public uint Crc { get; private init; }

    /// <summary>Whether its numbers can be of a file that ends with it. One with a sound checksum whose cannot was written by no version of this program.</summary>
    public bool IsPossible =>
        Records >= 0 && Records <= Position / StateFrame.HeaderBytes && RecordBytes >= 0 && RecordBytes <= Position && IndexBlocks >= 0 && IndexBlocks <= Records && LastIndexBlock >= 0 && LastIndexBlock < Position;

    public byte[] Encode(uint salt, out uint crc)
    {
        var bytes = new byte[Bytes];
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(StateFrame.HeaderBytes), Position);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(StateFrame.HeaderBytes + 8), RecordBytes);
        crc = StateFrame.WriteHeader(bytes, StateFrameKinds.Footer, 0, (uint)IndexBlocks, (ulong)LastIndexBlock, (ulong)Records, Chain, bytes.AsSpan(StateFrame.HeaderBytes), salt, Position);
        return bytes;
    }

    /// <summary>Null when the frame is not a sound footer at its place.</summary>
    public static StateFooter? Decode(ReadOnlySpan<byte> frame, uint salt, long position) =>
        frame.Length == Bytes && StateFrame.Length(frame) == Bytes && StateFrame.Kind(frame) == StateFrameKinds.Footer
        && StateFrame.Crc(frame) == StateFrame.Checksum(salt, position, frame) && BinaryPrimitives.ReadInt64LittleEndian(frame[StateFrame.HeaderBytes..]) == position
            ? new StateFooter((long)StateFrame.Hash(frame), (long)StateFrame.Check(frame), (int)StateFrame.EntityType(frame), StateFrame.Tag(frame), position,
                BinaryPrimitives.ReadInt64LittleEndian(frame[(StateFrame.HeaderBytes + 8)..])) { Crc = StateFrame.Crc(frame) }
            : null;

    /// <summary>The next link of the chain over a file's frames.</summary>
    public static uint Link(uint chain, uint frameCrc) => BitOperations.Crc32C(chain, frameCrc);
}
