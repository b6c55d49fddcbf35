using System.Text;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Gateway.Ingest;
using OrleansFeatures.V1;

namespace OrleansFeatures.Server.Files;

/// <summary>
/// Columns that say something of an event beside its fields: what it does, when it arrived, who observed it. Their names begin with a sign that no field
/// name may hold. <c>--map</c> takes them without the sign as well, unless the stream has a field of that name, which then is what is meant.
/// </summary>
internal readonly record struct EnvelopeName(string Name)
{
    public const int Operation = 0;
    public const int ArrivalTime = 1;
    public const int Producer = 2;

    /// <summary>By the constants above.</summary>
    public static readonly EnvelopeName[] All = [new(EnvelopeNames.Operation), new(EnvelopeNames.ArrivalTime), new(EnvelopeNames.Producer)];

    /// <summary>Each row of JSON may say it, whether or not the first one does.</summary>
    public static bool Is(string field) => All.Any(known => known.Name == field);

    /// <summary>The name as the user mapped it: with the sign, or short where that is no field.</summary>
    public EnvelopeName SpelledFor(IEnumerable<string> fields, ColumnMap map)
    {
        string shortName = Name[1..];
        if (!map.Has(shortName) || fields.Contains(shortName))
        {
            return this;
        }

        return map.Has(Name)
            ? throw CommandFailure.Usage($"--map {shortName}=...: {Name} is mapped too, which means the same here; map one of the two")
            : new EnvelopeName(shortName);
    }
}

/// <summary>Where a file says what its events do, when they arrived and who observed them.</summary>
internal sealed record EnvelopeMapping
{
    public const int NoColumn = -1;

    public static readonly EnvelopeMapping None = new();

    public int Producer { get; init; } = NoColumn;

    public int Operation { get; init; } = NoColumn;

    public int Arrival { get; init; } = NoColumn;

    /// <summary>What an event does whose file or cell does not say it.</summary>
    public Operation Otherwise { get; init; }

    /// <summary>Which of the mapped fields is the event id: all that is read of a delete.</summary>
    public int IdField { get; init; }

    /// <summary>Reads the current row's. False with what is wrong: then the row cannot be sent, because it is unknown what it would do.</summary>
    public bool TryRead(RowReader reader, out EventEnvelope envelope, out string problem)
    {
        envelope = new EventEnvelope("", Otherwise, EventEnvelope.ArrivesNow);
        problem = "";
        if (Producer != NoColumn)
        {
            envelope = envelope with { Producer = Encoding.UTF8.GetString(reader.Cell(Producer)) };
        }

        if (Operation != NoColumn && !reader.IsNull(Operation))
        {
            string text = Encoding.UTF8.GetString(reader.Cell(Operation));
            if (!EnvelopeNames.TryParse(text, out EventOperation operation))
            {
                problem = $"column {reader.Columns[Operation]}: '{text}' is no operation; write {string.Join(", ", EnvelopeNames.Operations)}, or leave the cell empty";
                return false;
            }

            envelope = envelope with { Operation = (Operation)operation };
        }

        if (Arrival != NoColumn && !reader.IsNull(Arrival))
        {
            if (!CellText.TryReadTime(reader.Cell(Arrival), out EventTime arrival) || arrival <= EventTime.Epoch)
            {
                problem = $"column {reader.Columns[Arrival]}: '{Encoding.UTF8.GetString(reader.Cell(Arrival))}' is not a time after 1970; write RFC 3339 with its zone, or leave the cell empty for now";
                return false;
            }

            envelope = envelope with { ArrivalMicros = arrival.Micros };
        }

        return true;
    }
}

/// <param name="Producer">Empty: not named.</param>
/// <param name="Operation">What the event does.</param>
/// <param name="ArrivalMicros"><see cref="ArrivesNow"/>, or when it arrived.</param>
internal readonly record struct EventEnvelope(string Producer, Operation Operation, long ArrivalMicros)
{
    public const long ArrivesNow = 0;
}
