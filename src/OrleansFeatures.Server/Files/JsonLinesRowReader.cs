using System.Buffers;
using System.Text;
using System.Text.Json;

namespace OrleansFeatures.Server.Files;

/// <summary>
/// One JSON object per line. The first line's keys are the columns; a later line may leave some out (null), and keys that nobody
/// asked for are passed over. The cells of a line are copied, unescaped, into one scratch buffer:
/// <code>
///   line     {"tx_id":7,"city":"K\u00f6ln","x":null}
///   scratch  7Köln          cells  [0..1) [1..6) absent
/// </code>
/// Keys usually come in the same order on every line, so each is first compared with the one that followed last time.
/// </summary>
internal sealed class JsonLinesRowReader : RowReader
{
    private const int Absent = -1;

    private readonly string _place;
    private readonly LineReader _lines;
    private readonly List<string> _columns = [];
    private readonly List<byte[]> _names = [];
    private readonly ArrayBufferWriter<byte> _scratch = new();
    private (int Start, int Length)[] _cells = [];
    private bool _firstLinePending;
    private string? _problem;
    private string? _unknownColumn;

    public JsonLinesRowReader(Stream content, string place)
    {
        _place = place;
        _lines = new LineReader(content, place);
        if (!ReadLine())
        {
            throw CommandFailure.Refused($"{place}: the file is empty; expected one JSON object per line");
        }

        LearnColumns(_lines.Current);
        _firstLinePending = true;
    }

    public override IReadOnlyList<string> Columns => _columns;

    public override long Line => _lines.Number;

    public override string? Problem => _problem;

    public override string? UnknownColumn => _unknownColumn;

    public override int IndexOf(string column, bool learn = false)
    {
        int index = _columns.IndexOf(column);
        return index < 0 && learn ? Learn(column) : index;
    }

    public override bool Read()
    {
        if (!_firstLinePending && !ReadLine())
        {
            return false;
        }

        _firstLinePending = false;
        _unknownColumn = null;
        _scratch.ResetWrittenCount();
        Array.Resize(ref _cells, _columns.Count);
        Array.Fill(_cells, (0, Absent));
        try
        {
            _problem = ParseLine(_lines.Current);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // InvalidOperationException is how the reader reports text that is not valid UTF-8 inside a string.
            _problem = exception is JsonException json
                ? $"not JSON at column {json.BytePositionInLine + 1}; expected one object per line"
                : "the text is not valid UTF-8; save the file as UTF-8";
        }

        return true;
    }

    public override bool IsNull(int column) => _cells[column].Length == Absent;

    public override ReadOnlySpan<byte> Cell(int column)
    {
        (int start, int length) = _cells[column];
        return length == Absent ? default : _scratch.WrittenSpan.Slice(start, length);
    }

    public override void Dispose() => _lines.Dispose();

    /// <summary>Moves to the next line that is not blank.</summary>
    private bool ReadLine()
    {
        while (_lines.Read())
        {
            if (_lines.Current.ContainsAnyExcept((byte)' ', (byte)'\t'))
            {
                return true;
            }
        }

        return false;
    }

    private void LearnColumns(ReadOnlySpan<byte> line)
    {
        try
        {
            var json = new Utf8JsonReader(line);
            json.Read();
            if (json.TokenType != JsonTokenType.StartObject)
            {
                string fix = json.TokenType == JsonTokenType.StartArray ? "; turn the array into lines, for example with jq -c '.[]'" : "";
                throw CommandFailure.Refused($"{_place}:{Line}: expected one JSON object per line, found {json.TokenType}{fix}");
            }

            while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
            {
                string name = json.GetString()!;
                if (!_columns.Contains(name))
                {
                    Learn(name);
                }

                json.Read();
                json.Skip();
            }
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            throw CommandFailure.Refused($"{_place}:{Line}: not JSON lines: expected one JSON object per line; give --format csv if this is csv", exception);
        }
    }

    private int Learn(string column)
    {
        if (_columns.Count == Limits.ColumnsMax)
        {
            throw CommandFailure.Refused($"{_place}:{Line}: more than {Limits.ColumnsMax} keys in one object");
        }

        _columns.Add(column);
        _names.Add(Encoding.UTF8.GetBytes(column));
        return _columns.Count - 1;
    }

    private string? ParseLine(ReadOnlySpan<byte> line)
    {
        var json = new Utf8JsonReader(line);
        json.Read();
        if (json.TokenType != JsonTokenType.StartObject)
        {
            return $"expected one JSON object per line, found {json.TokenType}";
        }

        string? problem = null;
        int expected = 0;
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            int column = Match(ref json, expected);
            if (column < 0)
            {
                _unknownColumn ??= json.GetString();
            }

            expected = column + 1;
            json.Read();
            problem ??= column < 0 ? SkipValue(ref json) : TakeValue(ref json, column);
        }

        // Reading to the end finds what follows the object: one line is one event.
        while (json.Read())
        {
        }

        return problem;
    }

    private int Match(ref Utf8JsonReader json, int expected)
    {
        if (expected < _names.Count && json.ValueTextEquals(_names[expected]))
        {
            return expected;
        }

        for (int column = 0; column < _names.Count; column++)
        {
            if (json.ValueTextEquals(_names[column]))
            {
                return column;
            }
        }

        return -1;
    }

    private static string? SkipValue(ref Utf8JsonReader json)
    {
        json.Skip();
        return null;
    }

    private string? TakeValue(ref Utf8JsonReader json, int column)
    {
        if (_cells[column].Length != Absent)
        {
            json.Skip();
            return $"key '{_columns[column]}' stands twice in the object; keep one";
        }

        int start = _scratch.WrittenCount;
        switch (json.TokenType)
        {
            case JsonTokenType.Null:
                return null;
            case JsonTokenType.StartObject or JsonTokenType.StartArray:
                string found = json.TokenType == JsonTokenType.StartObject ? "an object" : "an array";
                json.Skip();
                return $"key '{_columns[column]}' holds {found}; a field holds one number, text, boolean or null";
            case JsonTokenType.String:
                int written = json.CopyString(_scratch.GetSpan(json.ValueSpan.Length + 1));
                _scratch.Advance(written);
                break;
            default:
                _scratch.Write(json.ValueSpan);
                break;
        }

        _cells[column] = (start, _scratch.WrittenCount - start);
        return null;
    }
}
