using CsvHelper;

namespace OrleansFeatures.Server.Files;

/// <summary>Comma-separated rows under a header line (RFC 4180; semicolon, tab and bar are detected). An empty cell is null.</summary>
internal sealed class CsvRowReader : RowReader
{
    private readonly string _place;
    private readonly CsvReader _csv;
    private readonly string[] _columns;
    private string? _quoteProblem;
    private string? _problem;

    public CsvRowReader(Stream content, string place)
    {
        _place = place;
        _csv = CsvReader.Create(content, new CsvReaderOptions
        {
            TrackLineNumbers = true,
            MaxRecordSize = Limits.RowBytesMax,
            BufferSize = Limits.ReadBufferBytes,
            OnMalformedRecord = record => _quoteProblem = Describe(record),
        });
        _columns = Guard(() =>
        {
            _csv.ReadHeader();
            return _csv.Headers.ToArray();
        });
        RequireHeader();
    }

    public override IReadOnlyList<string> Columns => _columns;

    public override long Line => _csv.LineNumber;

    public override string? Problem => _problem;

    public override int IndexOf(string column, bool learn = false) => Array.IndexOf(_columns, column);

    public override bool Read()
    {
        _quoteProblem = null;
        if (!Guard(_csv.Read))
        {
            return false;
        }

        _problem = _quoteProblem ?? (_csv.FieldCount == _columns.Length ? null : Ragged());
        return true;
    }

    public override bool IsNull(int column) => _csv.IsEmpty(column);

    public override ReadOnlySpan<byte> Cell(int column) => _csv.GetSpan(column);

    public override void Dispose() => _csv.Dispose();

    private void RequireHeader()
    {
        if (_columns.Length == 0)
        {
            throw CommandFailure.Refused($"{_place}: the file is empty; expected a header line with column names, then one event per line");
        }

        if (_columns.Length > Limits.ColumnsMax)
        {
            throw CommandFailure.Refused($"{_place}:1: {_columns.Length} columns, at most {Limits.ColumnsMax} can be read; is the first line really a csv header?");
        }

        string? twice = _columns.GroupBy(name => name).FirstOrDefault(group => group.Count() > 1)?.Key;
        if (twice is not null)
        {
            throw CommandFailure.Refused($"{_place}:1: the header names column '{twice}' twice; rename one of them");
        }
    }

    private string Ragged() =>
        $"the row has {_csv.FieldCount} {(_csv.FieldCount == 1 ? "cell" : "cells")}, the header {_columns.Length}; quote cells that contain the separator '{_csv.Separator}'";

    private static string Describe(CsvMalformedRecord record) => record.Reason switch
    {
        CsvMalformedReason.UnterminatedQuote => "a quoted cell is never closed, so the rest of the file belongs to this row; close the quote",
        CsvMalformedReason.StrayQuote => "a quote stands inside an unquoted cell; quote the whole cell and double the quote inside",
        CsvMalformedReason.TextAfterClosingQuote => "text follows a closing quote; double the quotes inside a quoted cell",
        _ => $"the row is not csv ({record.Reason})",
    };

    /// <summary>Turns what can go wrong below (damaged gzip, an endless record, a bad encoding) into a message with the line.</summary>
    private T Guard<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (CsvFormatException exception)
        {
            throw CommandFailure.Refused(
                $"{_place}:{exception.LineNumber}: a row longer than {Limits.RowBytesMax / (1024 * 1024)} MB starts here; look for a quote that is never closed", exception);
        }
        catch (Exception exception) when (exception is InvalidDataException or EndOfStreamException or IOException)
        {
            throw InputFile.Damaged(_place, _csv.LineNumber, exception);
        }
    }
}
