using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities.Embedded;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Log;

namespace OrleansFeatures.Entities.Tests.Intake;

/// <summary>Batches whose events meet ids and clocks only inside their append.</summary>
public sealed class DeferredBatchTests : IAsyncDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("orleans-features-");
    private readonly EventLog _log;
    private readonly EventIntake _intake = new(new PartitionMap(8), TimeProvider.System);
    private readonly Catalog _catalog = Transactions.Catalog();

    public DeferredBatchTests() =>
        _log = EventLog.Open(new LogOptions { Directory = _directory.FullName, PartitionCount = 8, DeliverCommitted = false }, new FileLogDevice(), TimeProvider.System);

    public async ValueTask DisposeAsync()
    {
        await _log.DisposeAsync();
        _directory.Delete(recursive: true);
    }

    [Fact]
    public async Task Two_batches_that_share_an_append_meet_each_others_events_in_order()
    {
        using IntakeBatch first = _intake.BeginDeferred(_catalog, new MemoryStream());
        using IntakeBatch second = _intake.BeginDeferred(_catalog, new MemoryStream());
        Insert(first, 1, amount: 10).ShouldBe(IntakeResult.Pending);
        Insert(first, 2, amount: 10).ShouldBe(IntakeResult.Pending);
        Insert(second, 1, amount: 99).ShouldBe(IntakeResult.Pending, "only the append knows that the id is taken");
        Push(second, EventOperation.Upsert, 2, amount: 11).ShouldBe(IntakeResult.Pending);
        Push(second, EventOperation.Delete, 3, amount: 0).ShouldBe(IntakeResult.Pending);
        Insert(second, 3, amount: 7).ShouldBe(IntakeResult.Pending);
        first.Records.Count.ShouldBe(0);
        second.Deferred.Select(kept => kept.Time is null).ShouldBe([false, false, true, false]);

        await AppendAsync(first, second);

        first.Corrections.Select(outcome => outcome.Result).ShouldBe([IntakeResult.Accepted, IntakeResult.Accepted]);
        second.Corrections.Select(outcome => outcome.Result).ShouldBe(
            [IntakeResult.Duplicate, IntakeResult.Accepted, IntakeResult.Accepted, IntakeResult.Accepted], "inserts enter first, so the delete takes back the event of its own batch");
    }

    [Fact]
    public async Task An_event_that_is_refused_is_refused_at_once_and_keeps_no_place()
    {
        using IntakeBatch batch = _intake.BeginDeferred(_catalog, new MemoryStream());
        batch.Add(_catalog.Stream("transactions")!, _catalog.Stream("transactions")!.Version(0)!, [Value.Null, Value.Of(Transactions.At(0)), Value.Of("ann"), Value.Of("t1"), Value.Of(1.0)], default, out IntakeNote note)
            .ShouldBe(IntakeResult.Refused);
        note.Refusal!.Field.ShouldBe("tx_id");
        Insert(batch, 5, amount: 1).ShouldBe(IntakeResult.Pending);
        await AppendAsync(batch);
        batch.Corrections.Select(outcome => outcome.Result).ShouldBe([IntakeResult.Accepted]);
        batch.Positions().Count.ShouldBeGreaterThan(0);
    }

    private async Task AppendAsync(params IntakeBatch[] deferred)
    {
        using IntakeBatch inner = _intake.Begin(_catalog, new MemoryStream());
        foreach (IntakeBatch batch in deferred)
        {
            batch.AddDeferredTo(inner);
        }

        (await new BatchAppend(new LocalAppend(_log), _intake, (_, _, _, _) => true, inner).RunAsync(wait: true, TestContext.Current.CancellationToken)).ShouldBeTrue();
        foreach (IntakeBatch batch in deferred)
        {
            batch.TakeOutcomes();
        }
    }

    private static IntakeResult Insert(IntakeBatch batch, long id, double amount) => Push(batch, EventOperation.Insert, id, amount);

    private static IntakeResult Push(IntakeBatch batch, EventOperation operation, long id, double amount) =>
        new Push(Transactions.Of(id, id, "ann", "t1", amount), operation).AddTo(batch).Result;
}
