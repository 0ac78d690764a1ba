import { readModelsConformance } from '../../testing/read-models-conformance';
import { MemoryReadModels } from './read-models';

readModelsConformance('memory', async () => {
  const models = new MemoryReadModels();
  return { models, other: models, close: async () => undefined };
});
