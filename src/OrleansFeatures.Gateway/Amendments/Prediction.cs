using System.Collections.Immutable;
using OrleansFeatures.Domain;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.Gateway.Registry;
using OrleansFeatures.Gateway.Serve;
using OrleansFeatures.V1;
using Selection = OrleansFeatures.Domain.Definitions.Selection;

namespace OrleansFeatures.Gateway.Amendments;

/// <summary>One row of an answer, kept under the name that its client gave it, so that it can be asked again.</summary>
/// <param name="Id">The client's name for it.</param>
/// <param name="DefinitionHash">What its features meant when it was served (<see cref="SelectionHash"/>).</param>
/// <param name="AsOf">The instant that it was read as of.</param>
/// <param name="ServedAt">When.</param>
/// <param name="Question">The one row, as it was asked: without <c>as_of_micros</c> where the client meant "now", so that the same call again is the same question.</param>
/// <param name="Answer">Rows and states, as served.</param>
/// <param name="Entities">By entity type of the selection: <see cref="EntityOf"/>.</param>
internal sealed record Prediction(string Id, string DefinitionHash, EventTime AsOf, EventTime ServedAt, GetFeaturesRequest Question, GetFeaturesResponse Answer, ImmutableArray<long> Entities)
{
    /// <summary>Grows with every prediction that is kept; zero before it is.</summary>
    public long Sequence { get; init; }

    /// <summary>The vector that its last amendment told; null while there is none.</summary>
    public FeatureRows? Amended { get; init; }

    /// <summary>The vector that whoever listens believes in.</summary>
    public FeatureRows Said => Amended ?? Answer.Rows;

    /// <summary>What was asked for, for people: the feature service, or the names of the list.</summary>
    public string SelectionText => Question.What.SelectionCase == FeatureSelection.SelectionOneofCase.FeatureService ? Question.What.FeatureService : string.Join(", ", Question.What.Features.Names);

    /// <summary>An entity as a number. Two may share one, which costs a look and never an amendment: what is asked again is asked by key.</summary>
    public static long EntityOf(uint entityType, ReadOnlySpan<byte> key) => unchecked((long)StableHash.Of(key, entityType));

    /// <summary>A row that has just been served.</summary>
    public static Prediction Of(GetFeaturesRequest request, FeatureRead read, int row, Catalog catalog, EventTime servedAt)
    {
        Selection selection = read.Selection;
        int entities = selection.Entities.Length;
        var answer = new GetFeaturesResponse { Rows = FeatureAnswer.Rows(read, row, 1) };
        for (int entity = 0; entity < entities; entity++)
        {
            EntityStamp stamp = read.Stamps[(row * entities) + entity];
            answer.States.Add(new EntityState { Entity = selection.Entities[entity].Entity.Name, StateVersion = (ulong)stamp.StateVersion, LastEventTimeMicros = stamp.LastEventTimeMicros });
        }

        GetFeaturesRequest question = Questions.RowOf(request, row);
        question.What = WhatOf(selection, catalog);
        return new Prediction(
            request.PredictionIds[row], SelectionHash.Of(selection, catalog), read.AsOf[row], servedAt, question, answer,
            [.. Enumerable.Range(0, entities).Select(entity => EntityOf(selection.Entities[entity].Entity.Id, read.KeyOf(row, entity)))]);
    }

    /// <summary>The selection by names that mean it tomorrow: a service with its version, a list with every star written out.</summary>
    private static FeatureSelection WhatOf(Selection selection, Catalog catalog)
    {
        if (catalog.Service(selection.Name) == selection)
        {
            return new FeatureSelection { FeatureService = selection.Name };
        }

        var list = new FeatureList();
        list.Names.AddRange(AnswerLayout.Of(selection).Columns.Select(column => column.Name));
        return new FeatureSelection { Features = list };
    }
}
