using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.V1;
using Selection = OrleansFeatures.Domain.Definitions.Selection;
using Value = OrleansFeatures.Domain.Events.Value;

namespace OrleansFeatures.Gateway.Serve;

/// <summary>The rows of a training request as they come in, message by message.</summary>
internal sealed class TrainingRows(Selection selection, EventTime now)
{
    private readonly List<ReadOnlyMemory<byte>[]> _keys = [];
    private readonly List<EventTime[]> _asOf = [];
    private readonly List<EventTime[]> _knownAt = [];
    private readonly List<Value[]> _context = [];
    private int _rows;

    /// <summary>Rows so far.</summary>
    public int Count => _rows;

    /// <exception cref="RequestRefusedException">The message's columns do not fit the selection, or the rows are too many.</exception>
    public void Add(TrainingRequest message)
    {
        var keys = new RowKeys(selection, message.Keys);
        var context = RequestContext.Of(selection, message.Context);
        int rows = keys.Rows ?? Math.Max(context.Rows ?? 0, Math.Max(message.AsOfMicros.Count, message.KnownAtMicros.Count));
        if (rows > Entities.Limits.HistoryRowsMax - _rows)
        {
            throw Refuse.Argument("keys", $"more than {Entities.Limits.HistoryRowsMax} rows", "split them over several calls");
        }

        var encoded = new ReadOnlyMemory<byte>[rows * selection.Entities.Length];
        keys.Encode(encoded, firstRow: _rows);
        var asOf = new EventTime[rows];
        RowTimes.FillAsOf(asOf, message.AsOfMicros, now, firstRow: _rows);
        var knownAt = new EventTime[rows];
        RowTimes.FillKnownAt(knownAt, message.KnownAtMicros, firstRow: _rows);
        var values = new Value[rows * selection.RequestFields.Length];
        context.Fill(values, rows, firstRow: _rows);
        _keys.Add(encoded);
        _asOf.Add(asOf);
        _knownAt.Add(knownAt);
        _context.Add(values);
        _rows += rows;
    }

    public FeatureRead ToRead()
    {
        var read = new FeatureRead(selection, _rows);
        int key = 0;
        int row = 0;
        for (int message = 0; message < _keys.Count; message++)
        {
            _keys[message].CopyTo(read.Keys, key);
            _asOf[message].CopyTo(read.AsOf, row);
            _knownAt[message].CopyTo(read.KnownAt, row);
            _context[message].CopyTo(read.Context, row * selection.RequestFields.Length);
            key += _keys[message].Length;
            row += _asOf[message].Length;
        }

        return read;
    }
}
