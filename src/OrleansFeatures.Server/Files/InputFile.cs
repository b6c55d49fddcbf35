using System.IO.Compression;

namespace OrleansFeatures.Server.Files;

/// <summary>How rows are written in a file.</summary>
internal enum RowFormat
{
    Csv,
    JsonLines,
}

/// <summary>
/// An input file on its way from bytes to rows: gzip is recognized by its magic number and taken off, then the format is what was
/// asked for, else what the name says, else what the first character says. "-" is standard input.
/// </summary>
internal sealed class InputFile : IDisposable
{
    private readonly SniffedStream _raw;

    private InputFile(string place, SniffedStream raw, long? length, RowReader rows)
    {
        Place = place;
        _raw = raw;
        Length = length;
        Rows = rows;
    }

    /// <summary>How messages call this file.</summary>
    public string Place { get; }

    public RowReader Rows { get; }

    /// <summary>Bytes of the file as stored (compressed), or null for standard input.</summary>
    public long? Length { get; }

    /// <summary>Of those, how many have been read. May be read from another thread.</summary>
    public long BytesRead => _raw.Position;

    public static InputFile Open(string path, RowFormat? format = null)
    {
        string place = path == "-" ? "stdin" : path;
        Stream file = path == "-" ? Console.OpenStandardInput() : OpenFile(path);
        try
        {
            long? length = path == "-" ? null : file.Length;
            var raw = new SniffedStream(file);
            SniffedStream content = Decompress(raw, place);
            RowFormat chosen = format ?? FormatOf(path, content.Peek());
            RowReader rows = chosen == RowFormat.Csv ? new CsvRowReader(content, place) : new JsonLinesRowReader(content, place);
            return new InputFile(place, raw, length, rows);
        }
        catch (CommandFailure)
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The failure for a stream that breaks off: what is wrong, and after which line.</summary>
    public static CommandFailure Damaged(string place, long line, Exception cause) => CommandFailure.Refused(
        cause is InvalidDataException or EndOfStreamException
            ? $"{place}: the gzip data is damaged or cut off after line {line}; copy the file again and check it with gzip -t"
            : $"{place}: cannot be read on after line {line}: {cause.Message}",
        cause);

    public void Dispose()
    {
        Rows.Dispose();
        _raw.Dispose();
    }

    private static FileStream OpenFile(string path)
    {
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, Limits.ReadBufferBytes, FileOptions.SequentialScan);
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            throw CommandFailure.Usage($"{path}: no such file; the path is taken relative to {Directory.GetCurrentDirectory()}");
        }
        catch (UnauthorizedAccessException)
        {
            throw CommandFailure.Usage(Directory.Exists(path) ? $"{path}: is a directory; give one file" : $"{path}: no permission to read the file");
        }
    }

    private static SniffedStream Decompress(SniffedStream raw, string place)
    {
        ReadOnlySpan<byte> head = raw.Peek();
        SniffedStream content = raw;
        bool named = place.EndsWith(".gz", StringComparison.OrdinalIgnoreCase);
        if (head is [0x1f, 0x8b, ..])
        {
            content = new SniffedStream(new GZipStream(raw, CompressionMode.Decompress));
            try
            {
                head = content.Peek();
            }
            catch (InvalidDataException exception)
            {
                throw Damaged(place, 0, exception);
            }
        }
        else if (named && !head.IsEmpty)
        {
            throw CommandFailure.Refused($"{place}: named .gz but not gzip data; compress it with gzip, or drop .gz from the name");
        }

        RequireText(head, place);
        return content;
    }

    /// <summary>Text never holds a zero byte; a picture, a database or a workbook does within its first kilobytes.</summary>
    private static void RequireText(ReadOnlySpan<byte> head, string place)
    {
        if (head.IsEmpty)
        {
            throw CommandFailure.Refused($"{place}: the file is empty; expected a csv header line or JSON lines");
        }

        string? kind = head switch
        {
            [(byte)'P', (byte)'K', 3, 4, ..] => "a zip archive or workbook; export it as csv",
            [(byte)'P', (byte)'A', (byte)'R', (byte)'1', ..] => "a Parquet file; convert it to csv or JSON lines",
            [0xff, 0xfe, ..] or [0xfe, 0xff, ..] => null,
            _ when head.Contains((byte)0) => $"not text (a zero byte at offset {head.IndexOf((byte)0)}); expected csv or JSON lines, plain or gzip",
            _ when !IsUtf8Prefix(head) => "not UTF-8 text; expected csv or JSON lines, plain or gzip",
            _ => null,
        };
        if (kind is not null)
        {
            throw CommandFailure.Refused($"{place}: the file is {kind}");
        }
    }

    /// <summary>Valid UTF-8, save that the last character may be cut.</summary>
    private static bool IsUtf8Prefix(ReadOnlySpan<byte> head)
    {
        for (int cut = 0; cut < 4 && cut < head.Length; cut++)
        {
            if (System.Text.Unicode.Utf8.IsValid(head[..^cut]))
            {
                return cut == 0 || head.Length == SniffedStream.HeadBytes;
            }
        }

        return false;
    }

    private static RowFormat FormatOf(string path, ReadOnlySpan<byte> head)
    {
        string name = path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) ? path[..^3] : path;
        return Path.GetExtension(name).ToLowerInvariant() switch
        {
            ".csv" or ".tsv" => RowFormat.Csv,
            ".jsonl" or ".ndjson" or ".json" => RowFormat.JsonLines,
            _ => head.TrimStart(" \t\r\n\uFEFF"u8) is [(byte)'{' or (byte)'[', ..] ? RowFormat.JsonLines : RowFormat.Csv,
        };
    }
}
