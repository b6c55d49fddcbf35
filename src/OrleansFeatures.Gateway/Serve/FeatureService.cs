using Grpc.Core;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.Gateway.Amendments;
using OrleansFeatures.Gateway.Subscribe;
using OrleansFeatures.V1;

namespace OrleansFeatures.Gateway.Serve;

/// <summary>Features over gRPC.</summary>
public sealed class FeatureService(FeatureReads reads, Observation observation, TrainingReads training, Explanations explanations, Subscriptions subscriptions, AmendmentStreams amendments) : V1.FeatureService.FeatureServiceBase
{
    public override async Task<GetFeaturesResponse> GetFeatures(GetFeaturesRequest request, ServerCallContext context)
    {
        FeatureRead read = await reads.GetAsync(request, context.Deadline, context.CancellationToken).ConfigureAwait(false);
        return FeatureAnswer.Of(read, reads.Host, request.Compact);
    }

    public override Task<ObserveAndGetResponse> ObserveAndGet(ObserveAndGetRequest request, ServerCallContext context) =>
        observation.ObserveAsync(request, context.CancellationToken);

    public override Task Subscribe(SubscribeRequest request, IServerStreamWriter<SubscribeResponse> responseStream, ServerCallContext context) =>
        subscriptions.RunAsync(request, responseStream, context.CancellationToken);

    public override Task SubscribeAmendments(SubscribeAmendmentsRequest request, IServerStreamWriter<SubscribeAmendmentsResponse> responseStream, ServerCallContext context) =>
        amendments.RunAsync(request, responseStream, context.CancellationToken);

    public override Task GetTrainingFeatures(IAsyncStreamReader<TrainingRequest> requestStream, IServerStreamWriter<TrainingResponse> responseStream, ServerCallContext context) =>
        training.AnswerAsync(requestStream, responseStream, context.CancellationToken);

    public override Task<ExplainResponse> Explain(ExplainRequest request, ServerCallContext context) => explanations.ExplainAsync(request, context.CancellationToken);
}
