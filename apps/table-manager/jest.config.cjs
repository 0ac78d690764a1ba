module.exports = { ...require('../../jest.preset.cjs'), displayName: 'table-manager', rootDir: __dirname };
