using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Simulation.Workload;

namespace OrleansFeatures.Simulation;

/// <summary>What was done to the stores and what they answered, over one seed or many.</summary>
internal sealed class Tally
{
    public long Seeds { get; set; }

    public long Steps { get; set; }

    public long Events { get; set; }

    public long Batches { get; set; }

    public long Acknowledged { get; set; }

    public long Retries { get; set; }

    public long Corrections { get; set; }

    public long Duplicates { get; set; }

    public long Late { get; set; }

    public long Refused { get; set; }

    public long PowerLosses { get; set; }

    public long Kills { get; set; }

    public long OrderlyStops { get; set; }

    public long TornWrites { get; set; }

    public long LostWrites { get; set; }

    public long LostNames { get; set; }

    public long FullDisks { get; set; }

    public long FailedOperations { get; set; }

    public long BitFlips { get; set; }

    public long BitFlipsAtRest { get; set; }

    public long BitFlipsDetected { get; set; }

    public long BitFlipReports { get; set; }

    public long Cancellations { get; set; }

    public long ClockJumps { get; set; }

    public long Recoveries { get; set; }

    public long ValuesChecked { get; set; }

    public long ValuesExpired { get; set; }

    public long ValuesOnDemand { get; set; }

    public long ValuesApproximate { get; set; }

    public long Compactions { get; set; }

    public long Checkpoints { get; set; }

    public long CheckpointsFailed { get; set; }

    public long EntitiesAsleep { get; set; }

    public long Replays { get; set; }

    public long DefinitionChanges { get; set; }

    public long Violations { get; set; }

    public void Answered(Operation operation, IntakeResult result)
    {
        Acknowledged += result == IntakeResult.Refused ? 0 : 1;
        Corrections += operation.Kind != EventOperation.Insert && result is IntakeResult.Accepted or IntakeResult.Late ? 1 : 0;
        Duplicates += result == IntakeResult.Duplicate ? 1 : 0;
        Late += result == IntakeResult.Late ? 1 : 0;
        Refused += result == IntakeResult.Refused ? 1 : 0;
    }

    public void Add(Tally other)
    {
        foreach (var property in typeof(Tally).GetProperties())
        {
            property.SetValue(this, (long)property.GetValue(this)! + (long)property.GetValue(other)!);
        }
    }

    /// <summary>A line each, as a person reads them.</summary>
    public override string ToString() => string.Join(Environment.NewLine, Lines().Select(line => $"{line.Name,-28}{line.Value,14:N0}"));

    private IEnumerable<(string Name, long Value)> Lines() =>
        typeof(Tally).GetProperties().Select(property => (string.Concat(property.Name.Select((letter, at) => at > 0 && char.IsUpper(letter) ? $" {char.ToLowerInvariant(letter)}" : letter.ToString())), (long)property.GetValue(this)!));
}
