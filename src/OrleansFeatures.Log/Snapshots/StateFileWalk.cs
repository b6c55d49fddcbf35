using System.Collections.Immutable;
using OrleansFeatures.Log.Format;
using OrleansFeatures.Log.Snapshots.Format;

namespace OrleansFeatures.Log.Snapshots;

/// <summary>
/// Reads one state file from its first byte to its last, frame by frame, and goes on behind damage: with the next place where a frame checks. A frame's checksum knows file and position, so that what looks like a frame
/// elsewhere never passes. Afterwards the index says which records lay in the damaged ranges.
/// <code>
///   | header | r r r X . . . r r | index | r r | index | footer |
///                    [-----)  damaged range: from the first frame that does not check to the next one that does
/// </code>
/// </summary>
internal sealed class StateFileWalk
{
    private readonly string _path;
    private readonly ILogFile _file;
    private readonly ManifestFile _entry;
    private readonly StateFileHeader _header;
    private readonly uint _salt;
    private readonly CancellationToken _cancel;
    private readonly List<(long From, long To, string Reason)> _damage = [];
    private readonly List<long> _indexBlocks = [];
    private byte[] _buffer;
    private long _bufferStart;
    private int _bufferLength;
    private long _records;
    private long _recordBytes;
    private uint _chain;
    private uint _listed;
    private int _listedCount;
    private bool _listedWhole = true;

    private StateFileWalk(string path, ILogFile file, in ManifestFile entry, StateFileHeader header, CancellationToken cancel)
    {
        (_path, _file, _entry, _header, _cancel) = (path, file, entry, header, cancel);
        header.Encode(out _salt);
        _chain = _salt;
        _buffer = new byte[Math.Clamp(file.Length, StateFrame.HeaderBytes, Limits.ReadBufferBytes)];
    }

    /// <summary>A file that a manifest names: header, length and footer must be exactly what the manifest says. Throws <see cref="FileNotFoundException"/>.</summary>
    public static StateFileReport Of(ILogDevice device, string path, in ManifestFile entry, StateManifest manifest, CancellationToken cancel)
    {
        using var file = device.Open(path, LogFileAccess.Read);
        var header = new StateFileHeader(manifest.StoreId, entry.Number, entry.Checkpoint, manifest.Head.Applied.Length);
        return new StateFileWalk(path, file, entry, header, cancel).Run();
    }

    /// <summary>A file without a manifest to compare it with: it must agree with itself.</summary>
    public static StateFileReport OfUnnamed(ILogDevice device, string path, CancellationToken cancel)
    {
        using var file = device.Open(path, LogFileAccess.Read);
        var bytes = new byte[StateFileHeader.Bytes];
        var header = StateFileHeader.Decode(bytes.AsSpan(0, file.Read(0, bytes)), out var reason);
        if (header is null)
        {
            return new StateFileReport(path, file.Length, 0, [new StateDamage(path, 0, reason, "the whole file: without manifest and header nothing in it can be checked")]);
        }

        var end = new byte[StateFooter.Bytes];
        var at = Math.Max(StateFileHeader.Bytes, file.Length - StateFooter.Bytes);
        var footer = StateFooter.Decode(end.AsSpan(0, file.Read(at, end)), header.Salt, at) ?? default;
        var entry = new ManifestFile(header.Number, file.Length, footer.Records, footer.RecordBytes, 0, 0, header.Checkpoint, footer.Crc);
        return new StateFileWalk(path, file, entry, header, cancel).Run();
    }

    private StateFileReport Run()
    {
        CheckHeader();
        var end = _entry.Bytes - StateFooter.Bytes;
        for (long position = StateFileHeader.Bytes; position < end && _damage.Count < Limits.StateDamageReportedMax;)
        {
            var frame = FrameAt(position, end, out var reason);
            if (frame.IsEmpty)
            {
                var next = NextSound(position + 1, end);
                _damage.Add((position, next, reason));
                _listedWhole = false;
                position = next;
                continue;
            }

            See(frame, position);
            position += frame.Length;
        }

        if (_damage.Count >= Limits.StateDamageReportedMax)
        {
            _damage.Add((_damage[^1].To, _entry.Bytes, $"after {Limits.StateDamageReportedMax} damaged places the rest of the file was not looked at"));
        }

        CheckEnd(end);
        return new StateFileReport(_path, _file.Length, _records, [.. _damage.Select(range => new StateDamage(_path, range.From, range.Reason, Concerned(range.From, range.To)))]);
    }

    private void CheckHeader()
    {
        var wanted = _header.Encode(out _);
        var bytes = new byte[wanted.Length];
        if (_file.Read(0, bytes) < wanted.Length || !bytes.AsSpan().SequenceEqual(wanted))
        {
            var differs = bytes.AsSpan().CommonPrefixLength(wanted);
            StateFileHeader.Decode(bytes, out var reason);
            _damage.Add((0, StateFileHeader.Bytes, (reason.Length > 0 ? reason : "the state file's header is another one than the manifest names") + $", from byte {differs} on"));
        }
    }

    /// <summary>Counts a sound frame; a block of the index must list exactly the records before it.</summary>
    private void See(ReadOnlySpan<byte> frame, long position)
    {
        _chain = StateFooter.Link(_chain, StateFrame.Crc(frame));
        if (StateFrame.Kind(frame) != StateFrameKinds.Index)
        {
            Span<byte> line = stackalloc byte[StateIndexEntry.Bytes];
            StateIndexEntry.Write(line, StateFrame.Entry(frame, StatePlace.At(_entry.Number, position)));
            _listed = Crc32C.Append(_listed, line);
            _listedCount++;
            _records++;
            _recordBytes += frame.Length;
            return;
        }

        var entries = frame[StateFrame.HeaderBytes..];
        if (_listedWhole && (entries.Length != _listedCount * StateIndexEntry.Bytes || Crc32C.Append(0, entries) != _listed))
        {
            _damage.Add((position, position + frame.Length, "a block of the index does not list the records before it"));
        }

        _indexBlocks.Add(position);
        (_listed, _listedCount, _listedWhole) = (0, 0, true);
    }

    private void CheckEnd(long end)
    {
        if (_file.Length != _entry.Bytes)
        {
            _damage.Add((Math.Min(_file.Length, _entry.Bytes), Math.Max(_file.Length, _entry.Bytes), $"the state file has {_file.Length} bytes where {_entry.Bytes} are expected"));
        }

        var bytes = new byte[StateFooter.Bytes];
        if (end < StateFileHeader.Bytes || StateFooter.Decode(bytes.AsSpan(0, _file.Read(end, bytes)), _salt, end) is not { } footer || footer.Crc != _entry.FooterCrc)
        {
            _damage.Add((Math.Max(0, end), _entry.Bytes, "the state file does not end with the footer that is expected"));
        }
        else if (_damage.Count == 0 && (footer.Records != _records || footer.RecordBytes != _recordBytes || footer.Chain != _chain || footer.IndexBlocks != _indexBlocks.Count))
        {
            _damage.Add((end, _entry.Bytes, "the footer counts other records than the file holds"));
        }
    }

    /// <summary>The frame there if it is sound, else empty with the reason. Valid until the next call.</summary>
    private ReadOnlySpan<byte> FrameAt(long position, long end, out string reason)
    {
        var head = Peek(position, StateFrame.HeaderBytes);
        if (!IsPlausible(head, position, end))
        {
            reason = head.Length < StateFrame.HeaderBytes ? "the file ends where a frame must be" : "there is no frame's header where one must be";
            return default;
        }

        var frame = Peek(position, (int)StateFrame.Length(head));
        var sound = frame.Length == StateFrame.Length(frame) && StateFrame.Crc(frame) == StateFrame.Checksum(_salt, position, frame);
        reason = sound ? "" : "a frame does not match its checksum";
        return sound ? frame : default;
    }

    private bool IsPlausible(ReadOnlySpan<byte> head, long position, long end) =>
        head.Length == StateFrame.HeaderBytes && StateFrame.Length(head) is >= StateFrame.HeaderBytes and <= StateFrame.BytesMax && position + StateFrame.Length(head) <= end
        && (StateFrameKinds.IsRecord(StateFrame.Kind(head)) || StateFrame.Kind(head) == StateFrameKinds.Index)
        && StateFrame.ReservedIsZero(head) && StateFrame.Partition(head) < _header.PartitionCount;

    private long NextSound(long position, long end)
    {
        end = Math.Min(end, _file.Length);
        for (; position + StateFrame.HeaderBytes <= end; position++)
        {
            if (!FrameAt(position, end, out _).IsEmpty)
            {
                return position;
            }
        }

        return _entry.Bytes - StateFooter.Bytes;
    }

    private ReadOnlySpan<byte> Peek(long position, int length)
    {
        if (position < _bufferStart || position + length > _bufferStart + _bufferLength)
        {
            _cancel.ThrowIfCancellationRequested();
            if (_buffer.Length < length)
            {
                _buffer = new byte[length];
            }

            (_bufferStart, _bufferLength) = (position, _file.Read(position, _buffer));
        }

        return _buffer.AsSpan((int)(position - _bufferStart), Math.Min(length, _bufferLength - (int)(position - _bufferStart)));
    }

    /// <summary>Which records the index names in the range; a block of the index in the range lists records that are themselves sound.</summary>
    private string Concerned(long from, long to)
    {
        var named = new List<string>();
        var count = 0;
        foreach (var block in _indexBlocks)
        {
            var frame = FrameAt(block, _entry.Bytes, out _);
            for (var at = StateFrame.HeaderBytes; at + StateIndexEntry.Bytes <= frame.Length; at += StateIndexEntry.Bytes)
            {
                var entry = StateIndexEntry.Read(frame[at..], _entry.Number);
                if (entry.Place.Position < to && entry.Place.Position + entry.Length > from)
                {
                    count++;
                    if (named.Count < Limits.StateConcernedNamedMax)
                    {
                        named.Add(entry.ToString());
                    }
                }
            }
        }

        return count == 0 ? $"no record that the rest of the index names; {_records} of {_entry.Records} records of the file are sound"
            : string.Join("; ", named) + (count > named.Count ? $"; and {count - named.Count} more" : "");
    }
}
