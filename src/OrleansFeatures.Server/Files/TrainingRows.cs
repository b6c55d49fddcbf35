using System.Text;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Server.Commands;
using OrleansFeatures.V1;

namespace OrleansFeatures.Server.Files;

/// <summary>
/// The rows of a training file: entity keys, the instant to read at, what on-demand features take from the request (request.amount), and, where there is such a column, what was known when; checked one by one. Unlike events, rows are not refused
/// singly: the output must have a row for each, so the first bad one ends the command with its line.
/// </summary>
internal sealed class TrainingRows
{
    public const string AsOfField = "as_of";

    public const string KnownAtField = "known_at";

    /// <summary>How the columns of request fields are called.</summary>
    public const string RequestPrefix = "request.";

    private const int NoColumn = -1;

    private readonly InputFile _input;
    private readonly IReadOnlyList<KeyField> _keys;
    private readonly IReadOnlyList<Field> _request;
    private readonly int[] _keyColumns;
    private readonly int[] _requestColumns;
    private readonly int _asOfColumn;
    private readonly int _knownAtColumn;
    private readonly TrainingClock _clock;

    public TrainingRows(InputFile input, IReadOnlyList<KeyField> keys, IReadOnlyList<Field> request, ColumnMap map, TrainingClock clock)
    {
        _input = input;
        _request = request;
        _keys = keys;
        _clock = clock;
        int[] columns = map.Resolve([.. keys.Select(key => key.Name), AsOfField, KnownAtField, .. request.Select(field => RequestPrefix + field.Name)], input.Rows, input.Place, optional: KnownAtField);
        int leftOut = Array.IndexOf(columns, NoColumn, 0, keys.Count + 1);
        if (leftOut >= 0)
        {
            string field = leftOut < keys.Count ? keys[leftOut].Name : AsOfField;
            throw CommandFailure.Usage($"--map {field}=: every row needs {field}; name its column");
        }

        _keyColumns = columns[..keys.Count];
        _asOfColumn = columns[keys.Count];
        _knownAtColumn = columns[keys.Count + 1];
        _requestColumns = columns[(keys.Count + 2)..];
    }

    /// <summary>The next rows as one message, or null at the end of the file.</summary>
    public TrainingRequest? NextBatch()
    {
        var request = new TrainingRequest();
        request.Keys.AddRange(_keys.Select(key => new KeyColumn { Field = key.Name }));
        ContextCells[] context = [.. _request.Select(field => new ContextCells(field))];
        while (request.AsOfMicros.Count < Limits.TrainingBatchRows && _input.Rows.Read())
        {
            RequireGoodRow();
            for (int key = 0; key < _keyColumns.Length; key++)
            {
                AddKey(request.Keys[key], _keys[key], _keyColumns[key]);
            }

            for (int field = 0; field < context.Length; field++)
            {
                AddContext(context[field], _request[field], _requestColumns[field]);
            }

            request.AsOfMicros.Add(AsOf());
            if (_knownAtColumn != NoColumn)
            {
                request.KnownAtMicros.Add(KnownAt());
            }
        }

        request.Context.AddRange(context.Select(cells => cells.ToColumn()));
        return request.AsOfMicros.Count == 0 ? null : request;
    }

    private void RequireGoodRow()
    {
        if (_input.Rows.Problem is { } problem)
        {
            throw Bad(problem);
        }

        if (_input.Rows.UnknownColumn is { } unknown)
        {
            throw Bad($"the key '{unknown}' is not on the first line; name every column there (null is fine)");
        }
    }

    private void AddKey(KeyColumn keys, KeyField key, int column)
    {
        if (_input.Rows.IsNull(column))
        {
            throw Bad($"column {_input.Rows.Columns[column]}: the key field {key.Name} is empty; every row needs its entity keys");
        }

        if (!KeySchema.TryAppend(keys, key, _input.Rows.Cell(column)))
        {
            throw Bad($"column {_input.Rows.Columns[column]}: '{Shown(column)}' is not a valid {(key.Type == V1.FieldType.Int64 ? "int64" : "text")} for the key field {key.Name}");
        }
    }

    /// <summary>An empty cell is null, as is a field that the map leaves out.</summary>
    private void AddContext(ContextCells cells, Field field, int column)
    {
        if (column == NoColumn || _input.Rows.IsNull(column))
        {
            cells.AddNull();
        }
        else if (!cells.TryAdd(_input.Rows.Cell(column)))
        {
            throw Bad($"column {_input.Rows.Columns[column]}: '{Shown(column)}' is not a valid {field.Type.ToString().ToLowerInvariant()} for the request field {field.Name}");
        }
    }

    private long AsOf()
    {
        ReadOnlySpan<byte> cell = _input.Rows.Cell(_asOfColumn);
        if (cell.SequenceEqual("now"u8))
        {
            return EventTime.From(_clock.Now).Micros;
        }

        string column = _input.Rows.Columns[_asOfColumn];
        if (cell.SequenceEqual("stream"u8))
        {
            return _clock.StreamMicros ?? throw Bad($"column {column}: 'stream' has no time yet; push events first, or write an RFC 3339 time");
        }

        return TimeIn(_asOfColumn, "(or 'stream', or 'now')");
    }

    /// <summary>An empty cell is everything known today.</summary>
    private long KnownAt()
    {
        if (_input.Rows.IsNull(_knownAtColumn))
        {
            return EventTime.Never.Micros;
        }

        return _input.Rows.Cell(_knownAtColumn).SequenceEqual("now"u8)
            ? EventTime.From(_clock.Now).Micros
            : TimeIn(_knownAtColumn, "(or 'now', or leave the cell empty for everything known today)");
    }

    private long TimeIn(int at, string orElse)
    {
        string column = _input.Rows.Columns[at];
        if (!CellText.TryReadTime(_input.Rows.Cell(at), out EventTime time))
        {
            throw Bad($"column {column}: '{Shown(at)}' is not a time; write RFC 3339 with its zone, for example 2018-06-01T12:00:00Z {orElse}");
        }

        return time.Micros is >= Domain.Limits.EventTimeMinMicros and < Domain.Limits.EventTimeMaxMicros
            ? time.Micros
            : throw Bad($"column {column}: {Shown(at)} lies outside 1970 to 2100");
    }

    private CommandFailure Bad(string problem) => CommandFailure.Refused($"{_input.Place}:{_input.Rows.Line}: {problem}");

    private string Shown(int column)
    {
        const int shownMax = 60;
        string text = Encoding.UTF8.GetString(_input.Rows.Cell(column));
        return text.Length > shownMax ? text[..shownMax] + "..." : text;
    }
}

/// <summary>What the words <c>now</c> and <c>stream</c> mean for a whole file: fixed once, so that all its rows agree.</summary>
internal sealed record TrainingClock(DateTimeOffset Now, long? StreamMicros);
