using System.Collections.Immutable;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Gateway.Amendments;
using OrleansFeatures.Gateway.Metadata;
using OrleansFeatures.V1;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Gateway.Tests.Metadata.Cases;

/// <summary>How predictions are kept on every database. Each test has one of its own; opening it again is a restart, or another process beside the first.</summary>
public abstract class PredictionCases
{
    protected abstract Task<MetadataDatabase> OpenAsync();

    [Fact]
    public async Task Predictions_survive_a_restart_in_the_order_in_which_they_were_kept()
    {
        using (MetadataDatabase database = await OpenAsync())
        {
            new PredictionTable(database).Keep([[Made("a", 1), Made("b", 2)], [Made("c", 3)]]).ShouldAllBe(refusal => refusal == null);
        }

        using MetadataDatabase reopened = await OpenAsync();
        var table = new PredictionTable(reopened);
        table.IsEmpty().ShouldBeFalse();
        List<Prediction> kept = table.Behind(0, 10);
        kept.Select(prediction => (prediction.Sequence, prediction.Id)).ShouldBe([(1, "a"), (2, "b"), (3, "c")]);
        Prediction expected = Made("b", 2);
        (kept[1].AsOf, kept[1].ServedAt, kept[1].DefinitionHash, kept[1].Question, kept[1].Answer, kept[1].Amended).ShouldBe((expected.AsOf, expected.ServedAt, expected.DefinitionHash, expected.Question, expected.Answer, null));
        table.Behind(1, 1).Select(prediction => prediction.Id).ShouldBe(["b"]);
        table.Keep([[Made("d", 4)]]);
        table.Behind(3, 10).Select(prediction => prediction.Sequence).ShouldBe([4]);
    }

    [Fact]
    public async Task The_same_question_again_is_idempotent_and_another_under_its_id_is_refused_with_its_whole_call()
    {
        using MetadataDatabase database = await OpenAsync();
        var table = new PredictionTable(database);
        table.Keep([[Made("a", 1)]]);
        RequestRefusedException?[] refusals = table.Keep([[Made("a", 1) with { ServedAt = new EventTime(99) }], [Made("x", 7), Made("a", 2)], [Made("y", 3)]]);
        refusals[0].ShouldBeNull();
        refusals[1]!.Message.ShouldBe("prediction_ids: 'a' names a prediction already, of another question; give every prediction an id of its own; the same id is for the same call again, word for word");
        refusals[2].ShouldBeNull();
        table.Behind(0, 10).Select(prediction => (prediction.Id, prediction.ServedAt)).ShouldBe([("a", Made("a", 1).ServedAt), ("y", Made("y", 3).ServedAt)]);
        table.Entities(long.MinValue, long.MaxValue, 10).ShouldBe([(1, 1), (3, 3), (100, 3)]);
    }

    [Fact]
    public async Task Of_now_the_newer_answer_takes_the_place_of_the_older()
    {
        using MetadataDatabase database = await OpenAsync();
        var table = new PredictionTable(database);
        table.Keep([[Now("a", 5)], [Now("a", 6)]]).ShouldAllBe(refusal => refusal == null);
        table.Keep([[Now("a", 7)]]);
        table.Behind(0, 10).Select(prediction => (prediction.Sequence, prediction.Id, prediction.AsOf.Micros)).ShouldBe([(3, "a", 7)]);
        table.Entities(long.MinValue, long.MaxValue, 10).ShouldBe([(1, 7), (100, 7)]);
    }

    [Fact]
    public async Task Whoever_rests_on_an_entity_is_found_from_an_instant_on_and_page_by_page()
    {
        using MetadataDatabase database = await OpenAsync();
        var table = new PredictionTable(database);
        table.Keep([[.. Enumerable.Range(1, 5).Select(number => Made($"p{number}", number))]]);
        table.Concerned(100, new EventTime(3), 0, 10).Select(prediction => prediction.Id).ShouldBe(["p3", "p4", "p5"]);
        table.Concerned(100, new EventTime(3), 3, 1).Select(prediction => prediction.Id).ShouldBe(["p4"]);
        table.Concerned(2, new EventTime(0), 0, 10).Select(prediction => prediction.Id).ShouldBe(["p2"]);
        table.Concerned(2, new EventTime(3), 0, 10).ShouldBeEmpty();
        table.Entities(2, 4, 2).ShouldBe([(3, 3), (4, 4)]);
    }

    [Fact]
    public async Task The_oldest_are_let_go_and_counted()
    {
        using MetadataDatabase database = await OpenAsync();
        var table = new PredictionTable(database);
        table.Keep([[.. Enumerable.Range(1, 5).Select(number => Made($"p{number}", number))]]);
        table.LetGoServedBefore(new EventTime(1_000_003));
        table.Behind(0, 10).Select(prediction => prediction.Id).ShouldBe(["p3", "p4", "p5"]);
        table.Counts().ShouldBe((3, 2, 0));
        table.Concerned(100, new EventTime(0), 0, 10).Count.ShouldBe(3);
        database.Write((connection, _) => connection.Execute("UPDATE prediction_head SET newest = @p1", (long)Limits.PredictionsKeptMax + 3));
        table.Keep([[Made("new", 9)]]);
        table.Behind(0, 10).Select(prediction => prediction.Id).ShouldBe(["p5", "new"]);
        table.Counts().ShouldBe((2, 4, 0));
        table.LetGoServedBefore(new EventTime(long.MaxValue));
        table.IsEmpty().ShouldBeTrue();
        table.Entities(long.MinValue, long.MaxValue, 10).ShouldBeEmpty();
    }

    [Fact]
    public async Task Whoever_has_seen_a_number_has_seen_all_before_it()
    {
        using MetadataDatabase database = await OpenAsync();
        var table = new PredictionTable(database);
        Task writing = Task.WhenAll(Enumerable.Range(0, 4).Select(writer => Task.Run(() =>
        {
            for (int number = 0; number < 25; number++)
            {
                table.Keep([[Made($"{writer}-{number}", number)]])[0].ShouldBeNull();
            }
        }, TestContext.Current.CancellationToken)));
        var seen = new List<long>();
        while (seen.Count < 100)
        {
            TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
            seen.AddRange(table.Behind(seen.Count, 1_000).Select(prediction => prediction.Sequence));
            seen.ShouldBe(Enumerable.Range(1, seen.Count).Select(number => (long)number));
        }

        await writing;
    }

    /// <summary>About the entity of its number and the entity 100, read at its number, served a second later.</summary>
    private static Prediction Made(string id, long number) => Of(id, number, Question(number), [number, 100]);

    private static Prediction Now(string id, long asOf) => Of(id, asOf, Question(null), [1, 100]);

    private static Prediction Of(string id, long asOf, GetFeaturesRequest question, ImmutableArray<long> entities) =>
        new(id, "hash", new EventTime(asOf), new EventTime(asOf + 1_000_000), question, new GetFeaturesResponse { Rows = new FeatureRows { RowCount = 1, Doubles = { asOf } } }, entities);

    private static GetFeaturesRequest Question(long? asOf)
    {
        var question = new GetFeaturesRequest { What = new FeatureSelection { FeatureService = "all" }, Keys = { new KeyColumn { Field = "user", Strings = { "ada" } } } };
        if (asOf is { } micros)
        {
            question.AsOfMicros.Add(micros);
        }

        return question;
    }
}
